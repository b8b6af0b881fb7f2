// Colours for code: a few families of languages, each one pattern.  What it does not know stays plain.

const kWords = {
  c: 'alignas auto bool break case catch char class const constexpr continue default delete do double else enum explicit extern float for friend goto if inline int long mutable namespace new noexcept operator override private protected public return short signed sizeof static struct switch template this throw try typedef typename union unsigned using virtual void volatile while co_await co_return co_yield concept requires final foreach in is out ref string var get set async await interface extends implements import package super boolean byte instanceof finally throws native synchronized',
  js: 'async await break case catch class const continue debugger default delete do else export extends finally for from function get if import in instanceof interface let new of return set static super switch this throw try type typeof var void while with yield enum implements as',
  py: 'and as assert async await break class continue def del elif else except finally for from global if import in is lambda match case nonlocal not or pass raise return try while with yield end do then elsif unless begin rescue ensure module require self puts',
  sh: 'if then else elif fi for while until do done case esac in function return local export readonly set unset source exit shift trap echo cd FROM RUN CMD COPY ENV WORKDIR',
  rs: 'as async await break const continue crate dyn else enum extern fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait type unsafe use where while func package import var map chan go defer select range interface switch case default fallthrough val fun when object companion override data sealed guard protocol extension',
  sql: 'select from where and or not insert into values update set delete create table drop alter add join left right inner outer on group by order having limit as distinct union all index primary key foreign references null is in like between case when then else end with',
};
const kLiterals = new Set('true false null nullptr None True False undefined nil NaN Infinity'.split(' '));

const kSlashes = String.raw`\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)`;
const kHashes = String.raw`#[^\n]*`;
const kQuotes = String.raw`"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?`;
const kTicks = '|`(?:\\\\.|[^`\\\\])*`?';
const kTriple = String.raw`"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|`;

function family(words, comment, string, flags = 'g') {
  return {
    words: new Set(kWords[words]?.split(' ')),
    fold: flags.includes('i'),
    pattern: new RegExp(
      `(?<comment>${comment})|(?<string>${string})|(?<number>\\b0[xXbB][\\da-fA-F_]+|\\b\\d[\\d_]*(?:\\.\\d+)?(?:[eE][+-]?\\d+)?\\w*)|(?<word>[\\p{L}_$][\\p{L}\\d_$]*)`,
      `${flags}u`),
  };
}

const kFamilies = {
  c: family('c', `${kSlashes}|^[ \\t]*#[ \\t]*\\w+`, kQuotes, 'gm'),
  js: family('js', kSlashes, kQuotes + kTicks),
  py: family('py', kHashes, kTriple + kQuotes),
  sh: family('sh', String.raw`(?<=^|\s)#[^\n]*`, kQuotes, 'gm'),
  rs: family('rs', kSlashes, String.raw`"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\\n])'|` + '`[^`]*`?'),
  sql: family('sql', String.raw`--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)`, kQuotes, 'gi'),
  json: family('', kSlashes, kQuotes),
  xml: {
    words: new Set(),
    pattern: /(?<comment><!--[\s\S]*?(?:-->|$))|(?<keyword><\/?[\w:-]+|\/?>)|(?<string>"[^"]*"|'[^']*')|(?<type>[\w:-]+(?==))/gu,
  },
  css: {
    words: new Set(),
    pattern: /(?<comment>\/\*[\s\S]*?(?:\*\/|$))|(?<string>"[^"]*"|'[^']*')|(?<keyword>@[\w-]+|--[\w-]+)|(?<type>[\w-]+(?=\s*:))|(?<number>#[\da-fA-F]{3,8}\b|-?\d+(?:\.\d+)?(?:%|\w*))/gu,
  },
  diff: {words: new Set(), pattern: /(?<added>^\+[^\n]*)|(?<removed>^-[^\n]*)|(?<keyword>^@@[^\n]*)/gmu},
};

const kLanguages = {
  c: 'c cpp c++ cc h hpp cuda java cs csharp c# php dart scala objc glsl',
  js: 'js javascript ts typescript jsx tsx mjs node',
  py: 'py python python3 rb ruby julia r elixir lua perl',
  sh: 'sh bash zsh shell console yaml yml toml ini dockerfile docker make makefile cmake',
  rs: 'rs rust go golang kotlin kt swift zig',
  sql: 'sql sqlite postgresql mysql',
  json: 'json jsonl json5 jsonc',
  xml: 'xml html svg xhtml vue',
  css: 'css scss less',
  diff: 'diff patch',
};
const familyOf = new Map(
  Object.entries(kLanguages).flatMap(([name, list]) => list.split(' ').map((one) => [one, kFamilies[name]])));

const kMost = 60000;  // characters that are coloured

// What a word is shows in its surroundings: a call, a type, a keyword.
function kindOfWord(word, next, words, fold) {
  if (words.has(fold ? word.toLowerCase() : word)) return 'keyword';
  if (kLiterals.has(word)) return 'number';
  if (next === '(') return 'call';
  return /^\p{Lu}\p{L}*\p{Ll}/u.test(word) ? 'type' : '';
}

/// Text and <span class="keyword"> ... of `code`.
export function coloured(code, language) {
  const kind = familyOf.get(language.toLowerCase());
  if (!kind || code.length > kMost) return [code];
  const out = [];
  let at = 0;
  for (const match of code.matchAll(kind.pattern)) {
    const [text] = match;
    if (!text) continue;
    let [name] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    const end = match.index + text.length;
    if (name === 'word') name = kindOfWord(text, code[end], kind.words, kind.fold);
    if (!name) continue;
    const span = document.createElement('span');
    span.className = `code-${name}`;
    span.textContent = text;
    out.push(code.slice(at, match.index), span);
    at = end;
  }
  out.push(code.slice(at));
  return out;
}

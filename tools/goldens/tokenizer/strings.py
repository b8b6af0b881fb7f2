"""The texts every tokenizer golden is made of: byte strings, some of them no UTF-8.

Python 3.11's unicodedata is Unicode 14, the version PCRE2 10.42 knows: no code point outside of it is used, since
`tokenizers` (Unicode 16) would classify it differently.
"""

import random
import sys
import unicodedata

assert unicodedata.unidata_version == "14.0.0", "needs Python 3.11: it fixes the set of assigned code points"

WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"
LOOKS_WHITE = "\u180e\u200b\u200c\u200d\u2060\ufeff"
ENGLISH = ("the of and to in is that it was for on are as with his they at be this from I have or by one had not but "
           "what all were when we there can an your which their said if do will each about how up out them then she "
           "many some so these would other into has more her two like him see time could no make than first been its "
           "who now people my made over did down only way find use may water long little very after words called just "
           "where most know DeepSeek tokenizer attention Transformer naïve café Zürich façade coöperate").split()
PERSIAN = ("سلام دنیا می‌خواهم کتاب‌ها را بخوانم امروز هوا خوب است ایران تهران زبان فارسی نمی‌دانم چه باید کرد ۱۲۳۴ "
           "خانه‌ای بزرگ‌ترین و از به که در این آن برای با رفته‌اند؟ مدرسه، دانشگاه؛ پژوهش ك ي ة مؤثّر").split()
CHINESE = "的一是不了人我在有他这中大来上个国和也子时道说出对开你那就下要以会着把没看得很生自之年都样后过去么天能好小多然于心学者其事公司发现起工用法前里定家作地成分主面"
JAPANESE = "ひらがなカタカナ日本語ではありません。コンピューター東京は今日もー々〆ヶァィゥ゛゜ヽヾ"
KOREAN = "안녕하세요세계한국어토크나이저가각힣값ㄱㅏ"
OTHER = ["привет мир", "Ελληνικά γλώσσα", "שלום עולם", "नमस्ते दुनिया", "สวัสดีชาวโลก", "გამარჯობა", "Ölümsüz İstanbul",
         "tiếng Việt", "ﬀﬁﬂ ﬆ", "𐐀𐐨 𝒜𝓫𝕔", "ʻOkina Hawaiʻi", "ⅣⅫⅷ ②½¾", "ßẞ ſ ſſ", "K Å Ω"]
CODE = ["for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}\n", "def f(x):\n    return x ** 2  # square\n",
        "#include <vector>\r\n\r\nint main() { return 0; }\r\n", "SELECT * FROM t WHERE a = 'it''s' AND b <> 3.14;",
        "<div class=\"a\">&nbsp;</div>", "x=1;y=-2.5e-10;z=0xFF_FF", "https://example.org/a?b=c&d=%20#e",
        "{\"key\": [1, 22, 333, 4444], \"v\": null}", "a->b::c.d[e]!f@g", "\\frac{1}{2} $\\alpha$", "$((1+2)) ${A:-b} `ls`"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'M", "'LL", "'D", "'ſ", "’s",
                "'sx", "'lL", "''s", "'", "'r", "'l", "'v"]
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇮🇷", "🇨🇳🇺🇸", "1️⃣", "#️⃣", "❤️", "☺︎", "🧑🏿‍🚀", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "©®™", "⛹🏻‍♀️", "🫠", "🇦"]
MARKS = ["e\u0301", "a\u0323\u0302", "a\u0302\u0323", "\u1100\u1161\u11a8", "\uac00\u11a8", "\u0344", "\u212b", "\u0958",
         "\u0f73", "\u1e9b\u0323", "q\u0307\u0323", "\u0915\u093c", "\ufb1d", "\u2adc", "o\u0308\u0304\u0328", "\u0300",
         "\u3099か", "か\u3099", "\uf900", "\U0001d15e", "\ufdfa", "\U00011099\U000110ba", "\u0cc6\u0cc2\u0cd5"]
# The special and added tokens of make.py's vocabularies, and texts that nearly spell them.
MARKUP = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<s>", "<｜User｜>", "[gMASK]", "<sop>", "/nothink", "TITLE", "<mask>",
          "ö", "<|im_end", "|im_end|>", "<|im_<|im_end|>end|>", "</think>", "<think>", "e\u0301t\u00e9", "\u00e9te\u0301"]


def assigned():
    """Code points by category; no surrogates, no unassigned, a sample of the private ones."""
    groups = {}
    for c in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(c))
        if category in ("Cn", "Cs"):
            continue
        groups.setdefault(category, []).append(chr(c))
    groups["Co"] = groups["Co"][::997]
    return groups


def walk(rng, groups):
    """Every code point but the bulk of ideographs and syllables, in runs of neighbours with separators."""
    for category, chars in sorted(groups.items()):
        if category == "Lo":
            chars = [c for c in chars if not (0x3400 <= ord(c) <= 0x9FFF or 0xAC00 <= ord(c) <= 0xD7A3
                                              or 0x17000 <= ord(c) <= 0x18CFF or 0x20000 <= ord(c))]
            chars += [c for c in groups["Lo"] if ord(c) % 61 == 0]
        for i in range(0, len(chars), 12):
            separators = ["", "", "", " ", "a", "1", ".", "\n"]
            yield "".join(c + rng.choice(separators) for c in chars[i:i + 12])


def piece(rng, groups, categories):
    kind = rng.randrange(17)
    if kind <= 1:
        return rng.choice(ENGLISH)
    if kind == 2:
        return rng.choice([str.upper, str.title, str.lower])(rng.choice(ENGLISH)) + rng.choice(CONTRACTIONS)
    if kind == 3:
        return rng.choice(PERSIAN)
    if kind == 4:
        return "".join(rng.choice(rng.choice([CHINESE, JAPANESE, KOREAN])) for _ in range(rng.randint(1, 5)))
    if kind == 5:
        return "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 9)))
    if kind == 6:
        return "".join(rng.choice(rng.choice([groups["Nd"], groups["Nl"], groups["No"]])) for _ in range(rng.randint(1, 4)))
    if kind == 7:
        return "".join(rng.choice(WHITE) for _ in range(rng.randint(1, 5)))
    if kind == 8:
        return rng.choice(["\n", "\r\n", "\n\n", "  ", "   ", "\t\t", " \n ", "\n \n", " \r"]) * rng.randint(1, 3)
    if kind == 9:
        return rng.choice(LOOKS_WHITE)
    if kind == 10:
        return rng.choice(EMOJI)
    if kind == 11:
        return rng.choice(MARKS)
    if kind == 12:
        return "".join(rng.choice("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") for _ in range(rng.randint(1, 4)))
    if kind == 13:
        return rng.choice(OTHER)
    if kind == 14:
        return rng.choice(CODE)[:rng.randint(1, 24)]
    if kind == 15 and rng.random() < 0.4:
        return rng.choice(MARKUP)
    return "".join(rng.choice(groups[rng.choice(categories)]) for _ in range(rng.randint(1, 4)))


def broken(rng, text):
    """The text with a few bytes changed, cut out or put in."""
    data = bytearray(text.encode())
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        how = rng.randrange(4)
        if how == 0 and at < len(data):
            del data[at]
        elif how == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif how == 2:
            data[at:at] = rng.choice([b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x9f\x98", b"\xe4\xb8", b"\xff",
                                      b"\x80", b"\xe0\x80\xaf", b"\xf8\x88\x80\x80\x80", b"\xc2", b"\xf0\x80\x80\x80"])
        else:
            del data[at:]
    return bytes(data)


def make(count=21500, seed=3):
    rng = random.Random(seed)
    groups = assigned()
    categories = sorted(groups)
    out = [b"", b" ", b"\x00", b"a", b"\n"]
    out += [s.encode() for s in CODE + CONTRACTIONS + EMOJI + MARKS + MARKUP + OTHER]
    out += [s.encode() for s in walk(rng, groups)]
    while len(out) < count:
        glue = rng.choice(["", "", " ", " "])
        text = glue.join(piece(rng, groups, categories) for _ in range(rng.randint(1, 6)))
        data = broken(rng, text) if rng.random() < 0.05 else text.encode()
        if all(unicodedata.category(c) != "Cn" for c in data.decode(errors="replace")):  # changed bytes may spell one
            out.append(data)
    return out

// A conversation is a tree: an edited question or an answer given again is one more child of the same parent.
// Every node remembers which of its children is shown.

export const newId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;

export function newConversation(kind, more = {}) {
  const now = Date.now();
  return {id: newId(), kind, title: '', created: now, updated: now,
          nodes: {root: {id: 'root', children: [], shown: 0}}, ...more};
}

/// Adds a node below `parent`, and shows it.
export function addNode(conversation, parent, node) {
  const added = {id: newId(), parent, children: [], shown: 0, at: Date.now(), ...node};
  const above = conversation.nodes[parent];
  conversation.nodes[added.id] = added;
  above.shown = above.children.push(added.id) - 1;
  conversation.updated = added.at;
  return added;
}

/// What is shown, from the first question on.
export function shownPath(conversation) {
  const path = [];
  for (let node = conversation.nodes.root; node.children.length;) {
    node = conversation.nodes[node.children[node.shown]];
    path.push(node);
  }
  return path;
}

/// The nodes above `node` and itself, from the first question on.
export function pathTo(conversation, node) {
  const path = [];
  for (; node.id !== 'root'; node = conversation.nodes[node.parent]) path.unshift(node);
  return path;
}

export function branches(conversation, node) {
  const siblings = conversation.nodes[node.parent].children;
  return {index: siblings.indexOf(node.id), count: siblings.length};
}

/// Shows the branch before (-1) or after (1) that of `node`.
export function showBranch(conversation, node, step) {
  const parent = conversation.nodes[node.parent];
  parent.shown = Math.min(parent.children.length - 1, Math.max(0, parent.shown + step));
}

// More backticks than stand anywhere in the text.
function fenced(text) {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text.replace(/\n$/, '')}\n${fence}`;
}

/// What a question says to the model: its files come first, so that the next question about them finds them read.
export function contentOf(node) {
  const files = (node.files ?? []).map((file) => `${file.name}:\n${fenced(file.text)}`);
  return [...files, node.text].filter((part) => part).join('\n\n');
}

/// As /v1/chat/completions takes them.
export function messagesOf(path, system) {
  const messages = system ? [{role: 'system', content: system}] : [];
  for (const node of path) {
    if (node.role === 'user') messages.push({role: 'user', content: contentOf(node)});
    else messages.push({role: 'assistant', content: node.text,
                        ...(node.reasoning ? {reasoning_content: node.reasoning} : {})});
  }
  return messages;
}

export function titleOf(text) {
  const line = text.trim().split('\n')[0];
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
}

/// Everything that was written in it, to be searched.
export function allText(conversation) {
  const texts = [conversation.title];
  for (const node of Object.values(conversation.nodes ?? {})) texts.push(node.text ?? '');
  for (const round of conversation.rounds ?? []) texts.push(round.text, ...round.answers.map((a) => a?.text ?? ''));
  return texts.join('\n').toLowerCase();
}

// What is kept, in this browser alone: conversations in IndexedDB, choices in localStorage.

function load(name, otherwise) {
  try {
    return {...otherwise, ...JSON.parse(localStorage.getItem(name))};
  } catch {
    return {...otherwise};
  }
}

function save(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing forgets it with the page.
  }
}

/// How the page looks: {theme, language}; early.js reads it too.
export const look = {
  get: () => load('dsa.look', {}),
  set: (change) => save('dsa.look', {...look.get(), ...change}),
};

/// How answers are asked for; what is null is the server's to choose.
export const kDefaults = {
  model: '',
  system: '',
  temperature: null,
  top_p: null,
  max_tokens: null,
  repetition_penalty: null,
  seed: null,
  thinking: 'auto',
  attention: 'auto',
  top_k: null,
  stop_repetition: true,
  trace: false,  // what is selected is told and shown
};
export const choices = {
  get: () => load('dsa.choices', kDefaults),
  set: (change) => save('dsa.choices', {...choices.get(), ...change}),
};

/// The key that the server may ask for.
export const key = {
  get: () => load('dsa.key', {key: ''}).key,
  set: (value) => save('dsa.key', {key: value}),
};

/// Another one, of who looks after the server: forgotten with the tab.
export const adminKey = {
  get: () => {
    try {
      return sessionStorage.getItem('dsa.adminKey') ?? '';
    } catch {
      return '';
    }
  },
  set: (value) => {
    try {
      sessionStorage.setItem('dsa.adminKey', value);
    } catch {
      // A browser that keeps nothing asks again.
    }
  },
};

let database;
function open() {
  database ??= new Promise((resolve, reject) => {
    const request = indexedDB.open('dsa', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('conversations', {keyPath: 'id'});
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return database;
}

async function run(mode, act) {
  const store = (await open()).transaction('conversations', mode).objectStore('conversations');
  return new Promise((resolve, reject) => {
    const request = act(store);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export const conversations = {
  all: () => run('readonly', (store) => store.getAll()),
  get: (id) => run('readonly', (store) => store.get(id)),
  put: (one) => run('readwrite', (store) => store.put(one)),
  remove: (id) => run('readwrite', (store) => store.delete(id)),
};

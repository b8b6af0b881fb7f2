// Before anything is drawn: the theme and the direction of writing that were chosen here, so that nothing flickers.
(() => {
  let chosen = {};
  try {
    chosen = JSON.parse(localStorage.getItem('dsa.look')) ?? {};
  } catch {
    // Nothing was chosen, or this browser keeps nothing.
  }
  const root = document.documentElement;
  const language = chosen.language ?? (navigator.language?.startsWith('fa') ? 'fa' : 'en');
  root.lang = language;
  root.dir = language === 'fa' ? 'rtl' : 'ltr';
  if (chosen.theme) root.dataset.theme = chosen.theme;
})();

// The page of the demo application: pick a favourite, or look at the leaderboard. One document without dependencies.

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 56rem; padding: 1rem; color: #222; }
nav a { margin-right: 1rem; } h1 { font-weight: 600; } #message { min-height: 3rem; font-size: 1.25rem; }
#list { display: grid; grid-template-columns: repeat(auto-fill, minmax(3.25rem, 1fr)); gap: .25rem; padding: 0; }
button { font-size: 1.75rem; padding: .25rem; border: 1px solid #ddd; border-radius: .5rem; background: #fff; cursor: pointer; }
button:hover { background: #eef; } .error { color: #b00020; } table { border-collapse: collapse; } td { padding: .125rem 1rem .125rem 0; }
`;

const SCRIPT = `
const message = document.querySelector('#message'), list = document.querySelector('#list');
const get = async (url) => { const r = await fetch(url); const body = await r.json().catch(() => null); if (!r.ok) throw new Error((body && body.error) || r.status); return body; };
const say = (text, error) => { message.textContent = text; message.className = error ? 'error' : ''; };
async function vote(emoji) {
  try { await get('/api/vote?choice=' + encodeURIComponent(emoji.shortcode)); say('You voted for ' + emoji.unicode); }
  catch (error) { say('404: your vote for ' + emoji.unicode + ' got lost (' + error.message + ')', true); }
}
async function pick() {
  for (const emoji of await get('/api/list')) {
    const button = Object.assign(document.createElement('button'), { textContent: emoji.unicode, title: emoji.shortcode, onclick: () => vote(emoji) });
    button.dataset.shortcode = emoji.shortcode;
    list.append(button);
  }
}
async function board() {
  const table = document.createElement('table');
  for (const row of await get('/api/leaderboard')) {
    const tr = table.insertRow(); tr.insertCell().textContent = row.unicode; tr.insertCell().textContent = row.votes; tr.insertCell().textContent = row.shortcode;
  }
  list.replaceWith(table);
}
(location.pathname === '/leaderboard' ? board() : pick()).catch((error) => say('The service is not answering: ' + error.message, true));
`;

export function renderPage(messageOfTheDay: string): string {
  const escaped = messageOfTheDay.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Emoji Vote</title><style>${STYLE}</style></head>
<body><nav><a href="/">Vote</a><a href="/leaderboard">Leaderboard</a></nav><h1>Emoji Vote</h1><p>${escaped}</p>
<p id="message" role="status"></p><main><div id="list"></div></main><script type="module">${SCRIPT}</script></body></html>`;
}

/** A ballot, as a favicon. */
export const FAVICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect x="2" y="6" width="12" height="8" rx="1" fill="#446"/><path d="M5 6V2h6v4" fill="#dde"/></svg>';

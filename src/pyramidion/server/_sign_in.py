"""The page that a browser gets in place of a 401: it hands over the token of the address.

The token stands behind the ``#`` of the address that people are given, so no browser sends it with
a request for a page, and no proxy or log sees it. A script takes it from there, shows it once in a
header, and gets a cookie that scripts cannot read (decision 24).
"""

from __future__ import annotations

import base64
import hashlib

SESSION = b"/api/session"
"""Answers 204 to whoever may read, with a cookie for those who showed the token."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #c3cad4;
  --paper: #f6f7f9; --card: #ffffff; --accent: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b5; --line: #465264;
  --paper: #12161c; --card: #1a2029; --accent: #56b4e9; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
form { width: min(26rem, 90vw); }
h1 { font-size: 1.25rem; font-weight: 600; margin: 0 0 0.25rem; }
p { color: var(--soft); margin: 0 0 1.25rem; }
label { display: block; font-weight: 600; margin-bottom: 0.25rem; }
input { box-sizing: border-box; width: 100%; font: inherit; padding: 0.5rem 0.75rem;
  border: 1px solid var(--line); border-radius: 8px; background: var(--card); color: inherit; }
button { margin-top: 0.75rem; font: inherit; font-weight: 600; padding: 0.5rem 1.25rem; border: 0;
  border-radius: 8px; background: var(--accent); color: var(--card); }
"""
_SCRIPT = """
const form = document.querySelector("form");
const note = document.querySelector("p");
async function open(token) {
  const headers = token === null ? {} : { authorization: "Bearer " + token };
  const answer = await fetch("/api/session", { headers, cache: "no-store" });
  if (answer.ok) location.reload();
  return answer.ok;
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = form.elements.token.value.trim();
  // A header takes nothing else, and no token has anything else.
  const fits = /^[\\x21-\\x7e]+$/.test(token);
  if (!fits || !(await open(token))) note.textContent = "That is not the token of this server.";
});
const parts = location.hash.slice(1).split("&");
const given = parts.find((part) => part.startsWith("token="));
if (given !== undefined) {
  const rest = parts.filter((part) => part !== given).join("&");
  history.replaceState(null, "", location.pathname + location.search + (rest && "#" + rest));
  form.elements.token.value = decodeURIComponent(given.slice(6));
  form.requestSubmit();
} else {
  // A cookie is not sent after a link on another site; from this page it is.
  open(null);
}
"""
_PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pyramidion</title>
<style>{_STYLE}</style>
</head>
<body>
<form>
<h1>This server asks for its token</h1>
<p role="status">Open the address that was printed when it was started, or enter the token here.</p>
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" autofocus>
<button>Open</button>
</form>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _hash_of(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


PAGE = _PAGE.encode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_hash_of(_STYLE)}'; "
    f"script-src 'sha256-{_hash_of(_SCRIPT)}'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
).encode()

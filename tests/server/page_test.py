"""page_test.py URL: the page's files as a server gives them out.  Needs nothing but Python's own library."""

import re
import sys
import urllib.error
import urllib.request

URL = sys.argv[1]
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "woff2": "font/woff2"}
LIBRARIES = {"marked.js", "katex.js", "katex.css"}
MOST_BYTES = 1_000_000


def get(path, method="GET", **headers):
    """Status, headers and body."""
    request = urllib.request.Request(f"{URL}/{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def files_named_by(name, text):
    """Below page/: what a file of the page loads."""
    if name.endswith(".html"):
        return re.findall(r'(?:src|href)="page/([^"]+)"', text)
    if name.endswith(".css"):
        return re.findall(r'url\((fonts/[^)]+\.woff2)\)', text)
    if name in LIBRARIES:
        return []
    return re.findall(r"from '\./([^']+)'", text) + re.findall(r"'page/([^']+)'", text)


def everything():
    """{name: text or bytes}, from the page on."""
    found, wanted = {}, ["index.html"]
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        status, headers, body = get("" if name == "index.html" else f"page/{name}")
        assert status == 200, f"{name} is named, but it answers {status}"
        kind = TYPES[name.rsplit(".", 1)[1]]
        assert headers["Content-Type"].startswith(kind), f"{name} comes as {headers['Content-Type']}"
        assert headers["X-Content-Type-Options"] == "nosniff", name
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy and "unsafe" not in policy and "http" not in policy, f"{name}: {policy}"
        assert "require-trusted-types-for 'script'" in policy, f"{name}: {policy}"
        found[name] = body if name.endswith(".woff2") else body.decode()
        if not name.endswith(".woff2"):
            wanted += files_named_by(name, found[name])
    return found


def check_size(files):
    total = sum(len(body if isinstance(body, bytes) else body.encode()) for body in files.values())
    print(f"{len(files)} files, {total} bytes")
    assert len(files) > 20 and total < MOST_BYTES


def check_html(files):
    page = files["index.html"]
    assert "<style" not in page and not re.search(r"\s(?:style|on\w+)=", page), "the page styles or runs something itself"
    for tag in re.findall(r"<script[^>]*>.*?</script>", page, re.S):
        assert re.fullmatch(r'<script src="page/[^"]+"[^>]*></script>', tag), tag


def check_code(files):
    """No string becomes markup or code, and nothing comes from elsewhere."""
    for name, text in files.items():
        if name in LIBRARIES or name.endswith(".woff2"):
            continue
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "parseFromString"):
            assert word not in text, f"{name} has {word}"
        for address in re.findall(r"""["'`(](?:https?:)?//[^\s"'`)]+""", text):
            assert address[1:] == "http://www.w3.org/2000/svg", f"{name} names {address[1:]}"


def words_of(text):
    return dict(re.findall(r"^  (\w+): '(.*)',$", text, re.M))


def check_words(files):
    """Every language says the same, with the same gaps; what is said is there."""
    en, fa = (words_of(files[f"words_{language}.js"]) for language in ("en", "fa"))
    assert len(en) > 100 and en.keys() == fa.keys(), en.keys() ^ fa.keys()
    for key in en:
        gaps = [set(re.findall(r"\{\w+\}", words[key])) for words in (en, fa)]
        assert gaps[0] == gaps[1], f"{key}: {gaps}"
    for name, text in files.items():
        if name.endswith(".js") and name not in LIBRARIES | {"i18n.js"}:
            for key in re.findall(r"\bt\('(\w+)'", text):
                assert key in en, f"{name} says {key}"


def check_metrics(files):
    """The administrator's view asks for nothing that the server does not tell."""
    code = files["admin.js"]
    named = {f"dsa_{name}" for name in re.findall(r"\bof\('(\w+)'", code)} | set(re.findall(r"'(dsa_\w+)'", code))
    named |= {f"dsa_{name}_bucket" for name in re.findall(r"'(\w+_seconds)'", code)}
    told = set(re.findall(r"^([\w:]+)[{ ]", get("metrics")[2].decode(), re.M))
    assert len(named) > 10 and named <= told, named - told


def check_http():
    status, headers, body = get("")
    assert status == 200 and body.startswith(b"<!doctype html>")
    tag = headers["ETag"]
    status, headers, body = get("", **{"If-None-Match": tag})
    assert (status, body) == (304, b"") and headers["ETag"] == tag and "Content-Length" not in headers
    assert get("", **{"If-None-Match": '"other"'})[0] == 200
    status, headers, body = get("page/app.js", method="HEAD")
    assert status == 200 and body == b"" and int(headers["Content-Length"]) > 1000
    status, headers, _ = get("page/app.js", method="POST")
    assert status == 405 and headers["Allow"] == "GET, HEAD, OPTIONS"
    for path in ("page/", "page/nothing.js", "page/../index.html", "page/%2e%2e/x", "pages"):
        assert get(path)[0] == 404, path
    assert get("", Host="elsewhere.example")[0] == 403
    assert get("", Origin="http://elsewhere.example")[0] == 403


files = everything()
check_size(files)
check_html(files)
check_code(files)
check_words(files)
check_metrics(files)
check_http()

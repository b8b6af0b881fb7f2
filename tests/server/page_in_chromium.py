"""page_in_chromium.py SERVE_SCRIPT FOLDER: the page as a person uses it, over an engine that plays a script.
Pictures of what was seen are left in FOLDER."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from playwright.sync_api import expect, sync_playwright

HOSTILE = """<script>window.hacked = 1</script> <img src=x onerror="window.hacked = 2">
<iframe src="javascript:parent.hacked = 3"></iframe> <svg onload="window.hacked = 4">

[press](javascript:window.hacked=5) [data](data:text/html,<script>window.hacked=6</script>) ![spy](http://127.0.0.1:9/spy.png)

| a<img src=x onerror=window.hacked=7> | $\\href{javascript:window.hacked=8}{x}$ |
|---|---|
| `<b onclick=window.hacked=9>` | <style>body{display:none}</style> |

<a href="javascript:window.hacked=10">end</a>"""

RICH = """## Sparse attention

Each token looks at **only** the `k` tokens that its indexer chose:

$$I_{t,s} = \\sum_{j} w_{t,j} \\cdot \\mathrm{ReLU}(q_{t,j} \\cdot k_s)$$

so that a token costs $O(k)$ in place of $O(t)$.

1. Score every token
2. Keep the best
   - ties go to the *lower* position
   - [x] nothing else

| attention | pairs at 8K | share |
|---|---:|---:|
| dense | 33.6 M | 100 % |
| sparse | 3.9 M | 11.7 % |

```python
def select(scores: list[float], k: int = 64) -> list[int]:
    \"\"\"The best k positions.\"\"\"
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return order[:k]  # ties: the lower one
```

> What is not selected is not read.
"""

SCRIPT = {
    "context": 40000,
    "answers": [
        {"when": "slowly", "text": "word ", "repeat": 400, "token_ms": 10},
        {"when": "hostile", "text": HOSTILE},
        {"when": "sparse attention", "text": RICH, "token_ms": 1},
        {"when": "notes.txt", "text": "The notes say: forty-two."},
        {"when": "fails", "text": "so far", "error": "the scripted fault"},
        {"when": "سلام", "text": "سلام! این یک پاسخ **فارسی** است با کد `x + 1` در میان.\n\nAnd an English paragraph."},
        {"when": "loops", "text": "one two three four one two three four one two three four"},
        {"text": "Hello! I am a script."},
    ],
}


class Server:
    def __init__(self, program):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(SCRIPT, self.file)
        self.file.flush()
        self.process = subprocess.Popen([program, self.file.name, "0"], stderr=subprocess.PIPE, text=True)
        self.url = re.search(r"http://\S+", self.process.stderr.readline())[0]


class Visit:
    """A page in a browser of its own; errors of its code and of its policy fail the test."""

    def __init__(self, browser, url, folder, **how):
        self.context = browser.new_context(base_url=url, **{"viewport": {"width": 1280, "height": 860}, "color_scheme": "light", **how})
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.folder = folder
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.goto("/")
        expect(self.box).to_be_visible()

    @property
    def box(self):
        return self.page.locator(".composer textarea")

    def ask(self, text, wait=True):
        self.box.fill(text)
        self.box.press("Enter")
        if wait:
            self.idle()

    def idle(self):
        expect(self.page.locator(".composer.busy")).to_have_count(0, timeout=15000)

    def answers(self):
        return self.page.locator(".answer")

    def picture(self, name):
        self.page.wait_for_timeout(250)
        self.page.screenshot(path=self.folder / f"{name}.png")

    def end(self):
        self.context.close()
        assert not self.errors, self.errors


def an_answer_is_streamed_and_laid_out(visit):
    visit.picture("welcome")
    visit.ask("Explain sparse attention")
    answer = visit.answers().last
    expect(answer.locator(".katex-display")).to_have_count(1)
    expect(answer.locator("table")).to_have_count(1)
    expect(answer.locator("ol > li")).to_have_count(2)
    expect(answer.locator(".code-keyword", has_text="def")).to_have_count(1)
    expect(answer.locator(".stats")).to_contain_text("tok/s")
    expect(answer.locator(".stats")).to_contain_text("complete")
    answer.locator(".code-block").get_by_label("Copy").click()
    assert "def select" in visit.page.evaluate("navigator.clipboard.readText()")
    expect(visit.page.locator(".meter")).to_contain_text("/ 40K")
    visit.picture("answer")
    visit.page.evaluate("document.querySelector('.scroller').scrollTop = 0")
    visit.picture("answer_top")


def a_running_answer_is_stopped_and_continued(visit):
    visit.ask("Answer slowly", wait=False)
    expect(visit.answers().last).to_contain_text("word word word")
    visit.page.keyboard.press("Escape")
    visit.idle()
    expect(visit.answers().last.locator(".stats")).to_contain_text("stopped")
    length = len(visit.answers().last.locator(".answer-text").inner_text())
    visit.page.get_by_label("Continue").click()
    expect(visit.answers().last.locator(".answer-text")).to_have_text(re.compile(f"^.{{{length + 40},}}", re.S))
    visit.page.get_by_label("Stop").click()
    visit.idle()
    assert visit.answers().count() == 1


def a_question_is_edited_into_a_branch(visit):
    visit.ask("first question")
    visit.ask("second question")
    assert visit.answers().count() == 2
    visit.page.locator(".question").first.hover()
    visit.page.get_by_label("Edit and ask again").first.click()
    visit.page.locator(".edit textarea").fill("another first question")
    visit.page.locator(".edit textarea").press("Enter")
    visit.idle()
    assert visit.answers().count() == 1
    expect(visit.page.locator(".question .branches")).to_contain_text("2 / 2")
    visit.page.locator(".question").get_by_label("Version before").click()
    assert visit.answers().count() == 2
    expect(visit.page.locator(".question").first).to_contain_text("first question")
    visit.page.get_by_label("Answer again").last.click()
    visit.idle()
    expect(visit.answers().last.locator(".branches")).to_contain_text("2 / 2")
    visit.picture("branches")


def conversations_are_kept_found_and_carried_over(visit, browser):
    visit.ask("a question about herons")
    visit.page.keyboard.press("Control+Shift+O")
    visit.ask("a question about owls")
    visit.page.reload()
    expect(visit.answers()).to_have_count(1)
    visit.page.get_by_label("Search conversations").fill("herons")
    expect(visit.page.locator(".entry")).to_have_count(1)
    visit.page.locator(".entry a").click()
    expect(visit.page.locator(".question")).to_contain_text("herons")
    visit.page.locator(".top").get_by_label("Settings").click()
    with visit.page.expect_download() as download:
        visit.page.get_by_text("Export all").click()
    visit.picture("settings")
    other = Visit(browser, visit.page.url.split("#")[0], visit.folder)
    other.page.locator(".top").get_by_label("Settings").click()
    other.page.locator(".panel input[type=file]").set_input_files(download.value.path())
    expect(other.page.locator(".entry")).to_have_count(2)
    other.end()


def a_file_is_asked_about(visit):
    text = "The answer is forty-two.\n" * 200
    visit.page.locator(".composer input[type=file]").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": text.encode()})
    expect(visit.page.locator(".file-chip")).to_contain_text("notes.txt")
    visit.ask("What do the notes say?")
    expect(visit.answers().last).to_contain_text("forty-two")
    expect(visit.page.locator(".question .file")).to_contain_text("notes.txt")
    visit.picture("file")
    visit.page.locator(".composer input[type=file]").set_input_files(
        {"name": "a.bin", "mimeType": "application/octet-stream", "buffer": b"\x00\xff\xfe"})
    expect(visit.page.locator(".composer .problem")).to_contain_text("a.bin")


def what_a_hostile_answer_holds_stays_text(visit):
    asked = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.ask("be hostile")
    answer = visit.answers().last.locator(".answer-text")
    expect(answer).to_contain_text("<script>window.hacked = 1</script>")
    assert visit.page.evaluate("window.hacked") is None
    for tag in ("script", "img", "iframe", "style", "[onclick]", "[onerror]", "[onload]"):
        assert answer.locator(tag).count() == 0, tag
    for link in answer.locator("a").all():
        assert link.get_attribute("href").startswith("http"), link.get_attribute("href")
    answer.get_by_text("press").click()
    assert visit.page.evaluate("window.hacked") is None
    assert not [url for url in asked if "spy" in url]
    visit.picture("hostile")


def sse(*events):
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"


def thinking_progress_and_figures_are_shown(visit):
    def delta(**what):
        return {"choices": [{"index": 0, "delta": what, "finish_reason": None}]}

    usage = {"prompt_tokens": 9000, "completion_tokens": 40, "prompt_cache_hit_tokens": 8192, "prompt_cache_miss_tokens": 808,
             "completion_tokens_details": {"reasoning_tokens": 30},
             "dsa": {"attention": "sparse", "top_k": 2048, "kernels": "avx2", "decode_tok_s": 42.5, "sparse_rows": 848, "dense_rows": 0,
                     "cost": 0.0123, "currency": "USD"}}
    body = sse({"choices": [], "dsa": {"progress": {"done": 404, "total": 808, "cached": 8192}}}, delta(reasoning_content="Let me "),
               delta(reasoning_content="think."), delta(content="Done."),
               {"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}, {"choices": [], "usage": usage})
    visit.page.route("**/v1/chat/completions", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    visit.ask("think")
    answer = visit.answers().last
    expect(answer.locator(".thinking summary")).to_contain_text("30 tokens")
    expect(answer.get_by_text("Let me think.")).not_to_be_visible()
    answer.locator(".thinking summary").click()
    expect(answer.get_by_text("Let me think.")).to_be_visible()
    for text in ("42.5 tok/s", "8.2K found + 808 read", "sparse, top 2,048", "0.0123 USD", "cut at its length"):
        expect(answer.locator(".stats")).to_contain_text(text)
    visit.picture("thinking")


def what_was_looked_at_is_shown(visit):
    visit.page.get_by_label("Watch what the model looks at").click()
    visit.ask("Explain sparse attention")
    visit.page.locator(".foot").get_by_label("What it looked at").click()
    view = visit.page.locator("dialog.selection")
    # The script's layers select every second position, and every third: 1/2 and 1/3 of all pairs, 2/3 of all positions.
    expect(view.locator(".figure").first).to_contain_text("42%")
    expect(view.locator(".prompt-tokens .token").first).to_be_visible()
    expect(view.locator(".about-token")).to_contain_text("(67%)")
    shares = [view.locator(".prompt-tokens .token").nth(i).evaluate("node => Number(node.style.getPropertyValue('--share'))") for i in range(7)]
    assert shares == [1, 0, 0.5, 0.5, 0.5, 0, 1], shares
    view.get_by_label("Layer").select_option("1")
    expect(view.locator(".about-token")).to_contain_text("(35%)")
    assert view.locator(".answer-tokens .token").count() == 128
    view.locator(".answer-tokens .token").nth(5).click()
    view.locator(".answer-tokens").press("ArrowRight")
    expect(view.locator(".answer-tokens .token").nth(6)).to_have_attribute("aria-selected", "true")
    view.get_by_label("Layer").select_option("")
    visit.picture("selection")
    visit.page.keyboard.press("Escape")
    expect(view).to_have_count(0)


def errors_are_said(visit):
    visit.ask("it fails")
    expect(visit.answers().last.locator(".problem")).to_have_text("the scripted fault")
    visit.page.route("**/v1/chat/completions", lambda route: route.abort())
    visit.ask("again")
    expect(visit.answers().last.locator(".problem")).to_contain_text("cannot be reached")
    visit.errors.clear()  # the browser says so too


def two_answers_are_compared(visit):
    visit.page.get_by_text("Compare two").click()
    visit.page.locator(".side").first.locator("input").fill("16")
    visit.page.locator(".side").first.locator("input").blur()
    visit.ask("Explain sparse attention")
    expect(visit.page.locator(".difference")).to_have_text("Word for word the same.")
    visit.picture("compare")
    # The two sides ask for different things; the answers are made to differ here.
    asked = []

    def answer(route):
        body = json.loads(route.request.post_data)
        asked.append(body)
        words = "the red fox the red fox" if body["dsa"]["attention"] == "dense" else "the red hen sat down"
        route.fulfill(content_type="text/event-stream", body=sse(
            *({"choices": [{"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}]} for word in words.split()),
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))

    visit.page.route("**/v1/chat/completions", answer)
    visit.ask("And then?")
    assert sorted(body["dsa"]["attention"] for body in asked) == ["dense", "sparse"]
    assert asked[0]["seed"] == asked[1]["seed"] and len(asked[0]["messages"]) == 3
    assert [body["dsa"].get("top_k") for body in sorted(asked, key=lambda body: body["dsa"]["attention"])] == [None, 16]
    last = visit.page.locator(".round").last
    expect(last.locator(".difference")).to_have_text("They differ first at word 3: “hen” and “fox”.")
    last.get_by_text("B is better").click()
    expect(visit.page.locator(".about")).to_contain_text("script · dense 1")
    visit.picture("compare_voted")
    visit.page.reload()
    expect(visit.page.locator(".round").last.get_by_text("B is better")).to_have_attribute("aria-pressed", "true")


def what_the_server_does_is_shown(visit):
    visit.ask("Explain sparse attention")
    visit.page.route("**/metrics", lambda route: route.fulfill(status=401, content_type="application/json", body="{}")
                     if route.request.headers.get("authorization") != "Bearer sk-admin" else route.continue_())
    visit.page.get_by_label("The server").click()
    expect(visit.page.locator(".admin .problem")).to_contain_text("role admin")
    # A server without keys has no account of who used what; it says so, and the browser too.
    expect(visit.page.locator(".admin")).to_contain_text("asks for no keys")
    visit.picture("admin_refused")
    visit.errors.clear()
    today = time.strftime("%Y-%m-%d", time.gmtime())
    rows = [{"key": f"k{i}", "owner": owner, "day": today, "model": "script", "requests": 3, "prompt_cache_hit_tokens": 1000 * i,
             "prompt_cache_miss_tokens": 500, "completion_tokens": 200, "cost": f"0.00{6 - i}", "currency": "USD"}
            for i, owner in enumerate(["Mina", "<b>Jonas</b>", "Aylin", "Petra", "Tom", "Lucía"])]
    visit.page.route("**/admin/usage*", lambda route: route.fulfill(content_type="application/json", body=json.dumps({"object": "list", "data": rows})))
    keys = [{"id": f"k{i}", "owner": row["owner"], "role": "user", "expires": None, "revoked": None, "balance": "4.50", "spent": "0.50"}
            for i, row in enumerate(rows)]
    keys[1]["revoked"] = "2026-01-01T00:00:00Z"
    keys.append({**keys[0], "id": "k9", "owner": "root", "role": "admin", "balance": None})
    visit.page.route("**/admin/keys", lambda route: route.fulfill(content_type="application/json", body=json.dumps({"keys": keys})))
    visit.page.get_by_label("Admin key").fill("sk-admin")
    visit.page.get_by_label("Admin key").press("Enter")
    admin = visit.page.locator(".admin")
    expect(admin.locator(".problem")).to_be_hidden()
    expect(admin.locator(".figure", has_text="Answers").first).to_contain_text(re.compile("[1-9]"))
    expect(admin.locator("figure", has_text="To the first token").locator("rect.bar").first).to_be_attached()
    expect(admin.locator("figure", has_text="Cost by day").locator("rect.bar.series-4")).to_have_count(30)  # two others together
    expect(admin.locator("table").first.locator("tbody tr")).to_have_count(7)
    expect(admin.locator("table").first.locator("tbody tr", has_text="k1")).to_contain_text("revoked")
    expect(admin.locator("table").first.locator("tbody tr", has_text="k9")).to_contain_text("admin")
    expect(admin.locator("table").first).to_contain_text("<b>Jonas</b>")
    expect(admin.locator("table").last).to_contain_text("scripted")
    # A second look makes lines.
    expect(admin.locator("polyline.line").first).to_be_attached(timeout=15000)
    assert visit.page.evaluate("localStorage.getItem('dsa.key')") is None, "the page's own key is another"
    visit.picture("admin")
    visit.page.set_viewport_size({"width": 390, "height": 780})
    visit.page.evaluate("document.body.classList.add('list-hidden')")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    admin.locator("table").last.scroll_into_view_if_needed()
    visit.picture("admin_phone")
    visit.page.set_viewport_size({"width": 1280, "height": 860})
    visit.page.evaluate("localStorage.setItem('dsa.look', JSON.stringify({language: 'fa'}))")
    visit.page.reload()
    expect(visit.page.locator(".admin")).to_contain_text("هزینه در روز")
    expect(visit.page.locator(".admin table").last).to_contain_text("scripted")
    visit.picture("admin_persian")
    visit.page.locator(".admin table").first.scroll_into_view_if_needed()
    visit.picture("admin_persian_usage")
    visit.page.locator(".sidebar .new").first.click()
    expect(visit.box).to_be_visible()


def a_phone_has_room_for_it(visit):
    visit.ask("Explain sparse attention")
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, f"the page is {wide} wide"
    visit.picture("phone")
    visit.page.get_by_label("Show or hide the list").click()
    expect(visit.page.locator(".sidebar")).to_be_visible()
    visit.picture("phone_list")
    visit.page.get_by_text("Compare two").click()
    visit.ask("Explain sparse attention")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.picture("phone_compare")


def persian_is_laid_out_from_the_right(visit):
    visit.page.evaluate("localStorage.setItem('dsa.look', JSON.stringify({language: 'fa'}))")
    visit.page.reload()
    visit.picture("persian_welcome")
    assert visit.page.evaluate("document.documentElement.dir") == "rtl"
    side = visit.page.locator(".sidebar").bounding_box()
    assert side["x"] > 640, "the list is at the right"
    visit.ask("سلام")
    answer = visit.answers().last.locator(".answer-text")
    directions = [node.evaluate("node => getComputedStyle(node).direction") for node in answer.locator("p").all()]
    assert directions == ["rtl", "ltr"], directions
    visit.picture("persian")


def it_is_dark_where_dark_is_wanted(visit):
    visit.ask("Explain sparse attention")
    red, green, blue = map(int, re.findall(r"\d+", visit.page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3])
    assert red + green + blue < 150
    visit.picture("dark")


def everything_can_be_reached_by_keys(visit):
    visit.page.keyboard.press("Control+/")
    expect(visit.page.locator("dialog")).to_be_visible()
    visit.picture("keys")
    visit.page.keyboard.press("Escape")
    visit.ask("first question")
    visit.page.keyboard.press("Alt+ArrowUp")
    expect(visit.page.locator(".edit textarea")).to_be_focused()
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("Control+k")
    expect(visit.page.get_by_label("Search conversations")).to_be_focused()
    nameless = visit.page.evaluate(
        "[...document.querySelectorAll('button, input:not([hidden]), textarea, select')].filter(node => !node.hidden && !node.labels?.length && "
        "!node.ariaLabel && !node.title && !node.textContent.trim()).map(node => node.outerHTML)")
    assert not nameless, nameless


VISITS = [
    (an_answer_is_streamed_and_laid_out, {}),
    (a_running_answer_is_stopped_and_continued, {}),
    (a_question_is_edited_into_a_branch, {}),
    (conversations_are_kept_found_and_carried_over, {}),
    (a_file_is_asked_about, {}),
    (what_a_hostile_answer_holds_stays_text, {}),
    (thinking_progress_and_figures_are_shown, {}),
    (what_was_looked_at_is_shown, {}),
    (errors_are_said, {}),
    (two_answers_are_compared, {}),
    (what_the_server_does_is_shown, {}),
    (a_phone_has_room_for_it, {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}),
    (persian_is_laid_out_from_the_right, {}),
    (it_is_dark_where_dark_is_wanted, {"color_scheme": "dark"}),
    (everything_can_be_reached_by_keys, {}),
]


def main():
    server = Server(sys.argv[1])
    folder = pathlib.Path(sys.argv[2])
    only = sys.argv[3:]
    failed = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for test, how in VISITS:
            if only and test.__name__ not in only:
                continue
            begun = time.monotonic()
            visit = Visit(browser, server.url, folder, **how)
            visit.page.set_default_timeout(10000)
            try:
                test(visit, browser) if test.__code__.co_argcount > 1 else test(visit)
                visit.end()
                print(f"ok {test.__name__} ({time.monotonic() - begun:.1f} s)")
            except Exception as error:  # the others are still worth seeing
                failed += 1
                visit.picture(f"FAILED_{test.__name__}")
                print(f"FAILED {test.__name__}: {error}\n{visit.errors}")
        browser.close()
    server.process.terminate()
    sys.exit(1 if failed else 0)


main()

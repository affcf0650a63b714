"""Move a slider of the app in a headless Chromium, and look whether the curve follows.

    hatch run sliders:check

Another value gives another picture, and the value that was gives the picture that was.
It needs Chromium and ChromeDriver; where there are none, it says so, and exits with 0.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from check_site import browser
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait


APP = Path(__file__).resolve().parents[1] / "examples" / "sliders.py"
SECONDS = 60  # at the most, for the app to start and for a picture to follow

# Those of marimo's parts are in shadow roots, which plain selectors do not see.
FIND = """
const seen = (root, found) => {
  found.push(...root.querySelectorAll(arguments[0]));
  for (const part of root.querySelectorAll('*')) if (part.shadowRoot) seen(part.shadowRoot, found);
  return found;
};
return seen(document, []);
"""


@contextmanager
def started() -> Iterator[str]:
    """The address at which the app runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = ["--headless", "--no-token", "--port", str(port)]
    app = subprocess.Popen([sys.executable, "-m", "marimo", "run", APP, *flags], stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        app.terminate()
        app.wait()


def picture(page: webdriver.Chrome) -> str:
    """The curve that is shown, as data; nothing if there is none yet."""
    images = page.execute_script(FIND, "img[src^='data:image/png']")
    return images[0].get_attribute("src") if images else ""


def press(page: webdriver.Chrome, slider: WebElement, key: str) -> str:
    """The picture after a key on a slider."""
    before = picture(page)
    slider.send_keys(key)
    WebDriverWait(page, SECONDS).until(lambda page: picture(page) not in ("", before))
    return picture(page)


def answers(page: webdriver.Chrome) -> bool:
    page.get(page.app)
    return bool(page.find_elements(By.ID, "root"))


def main() -> int:
    chromium, driver = (shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver"))
    if not chromium or not driver:
        print("NOT CHECKED: there is no Chromium, or no ChromeDriver, on this machine")
        return 0
    with started() as address, browser(chromium, driver) as page:
        page.app = address
        WebDriverWait(page, SECONDS, ignored_exceptions=[Exception]).until(answers)
        WebDriverWait(page, SECONDS).until(picture)
        sliders = page.execute_script(FIND, "[role=slider]")
        first = picture(page)
        pictures = [first]
        for slider in sliders:
            pictures.append(press(page, slider, Keys.ARROW_RIGHT))
            if press(page, slider, Keys.ARROW_LEFT) != first:
                print("the picture does not come back with the value")
                return 1
        asked = page.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    others = [source for source in asked if not source.startswith((address, "data:", "blob:"))]
    print(f"{len(sliders)} sliders, {len(set(pictures))} pictures; asked of other hosts: {others or 'nothing'}")
    return 0 if len(sliders) == 3 and len(set(pictures)) == 4 and not others else 1


if __name__ == "__main__":
    sys.exit(main())

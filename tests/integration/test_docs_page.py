"""The page that shows the routes, in a real browser."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait
from weir_process import EXAMPLE_MODELS, Weir
from wire import PATIENCE, Client

# Where the set-up puts it on a distribution that has none.
FETCHED = Path(__file__).resolve().parents[2] / ".deps/chromium"

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def browser() -> webdriver.Chrome:
    """Chromium without a window."""
    places = os.pathsep.join([str(FETCHED), os.environ["PATH"]])
    program, driver = shutil.which("chromium", path=places), shutil.which("chromedriver", path=places)
    assert program and driver, "there is no Chromium here; 'make test' installs it"
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's own does not run as root
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()


def wait_for(browser: webdriver.Chrome, css: str, inside: WebElement | None = None) -> WebElement:
    """The first element that fits, once it is there to be seen."""

    def shown(_) -> WebElement | None:
        found = (inside or browser).find_elements(By.CSS_SELECTOR, css)
        return found[0] if found and found[0].is_displayed() else None

    return WebDriverWait(browser, PATIENCE).until(shown, f"no {css}")


def click(browser: webdriver.Chrome, element: WebElement) -> None:
    """As a person does who has scrolled there."""
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    browser.execute_script("arguments[0].click()", element)


def open_page(browser: webdriver.Chrome, server: Weir, path: str = "/docs") -> None:
    """Waits until the page shows its routes."""
    browser.get(f"http://127.0.0.1:{server.port}{path}")
    wait_for(browser, ".opblock")


def execute(browser: webdriver.Chrome, route: str) -> tuple[str, str]:
    """Tries a route out on the page: status and body of the answer that it shows."""
    block = wait_for(browser, f"[id$='-{route}']")
    click(browser, wait_for(browser, ".opblock-summary-control", block))
    click(browser, wait_for(browser, ".try-out__btn", block))
    click(browser, wait_for(browser, ".execute", block))
    status = wait_for(browser, ".live-responses-table tbody .response-col_status", block)
    body = wait_for(browser, ".live-responses-table tbody .response-col_description pre", block)
    return status.text.split()[0], body.text


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the browser's console shows of errors and of what the page's policy forbids."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_page_shows_every_route_and_loads_nothing_from_elsewhere(browser, weir, path):
    open_page(browser, weir, path)
    document = weir.client.get("/openapi.json").json()
    routes = sum(len(item) for item in document["paths"].values())
    assert len(browser.find_elements(By.CSS_SELECTOR, ".opblock")) == routes
    assert browser.title == "Weir"
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    own = f"http://127.0.0.1:{weir.port}/"
    assert {f"{own}openapi.json", f"{own}docs/swagger-ui.css", f"{own}docs/swagger-ui-bundle.js"} <= set(loaded)
    assert [name for name in loaded if not name.startswith((own, "data:"))] == []
    assert complaints(browser) == []


def test_a_route_can_be_tried_out_on_the_page(browser, weir):
    open_page(browser, weir)
    status, body = execute(browser, "GET__livez")
    assert (status, body.replace(" ", "").replace("\n", "")) == ("200", '{"status":"alive"}')
    status, body = execute(browser, "POST__v1_classify")
    assert status == "200"
    assert "POSITIVE" in body and "NEGATIVE" in body
    assert complaints(browser) == []


def test_the_page_asks_for_a_key_where_one_is_needed(browser, start):
    server = start("--models", EXAMPLE_MODELS, "--set", f"api_keys={KEY}")
    open_page(browser, server)
    status, _ = execute(browser, "GET__v1_models")
    assert status == "401"
    open_page(browser, server)
    click(browser, wait_for(browser, ".authorize"))
    wait_for(browser, "input[aria-label='auth-bearer-value']").send_keys(KEY)
    click(browser, wait_for(browser, ".auth-container .authorize"))
    click(browser, wait_for(browser, ".btn-done"))
    status, body = execute(browser, "GET__v1_models")
    assert status == "200"
    assert "identity" in body


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/start.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"])
def test_the_page_and_its_files_carry_the_headers_that_shield_it(client: Client, path: str):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "http" not in policy, "no outside host"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"


def test_a_file_that_the_page_does_not_have_is_not_found(client: Client):
    for name in ("nothing.js", "docs.html", "text.json", "..%2Fstart.js"):
        assert client.get(f"/docs/{name}").status == 404

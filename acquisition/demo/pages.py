"""The web site of the demo world: articles and a gallery with licenses in their markup, opt-outs, and a forbidden path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from acquisition.demo.site import Site
from acquisition.demo.sounds import picture
from acquisition.demo.words import LABELS, chance_of, note, sentences

FORBIDDEN: Final = "/private/"
RESERVED: Final = "/reserved/"
"""Open to everybody but the crawlers of AI companies."""
ROBOTS: Final = (
    f"User-agent: *\nDisallow: {FORBIDDEN}\nCrawl-delay: 0.05\nContent-Usage: /gallery/img/plate-03.png train-ai=n\n\n"
    f"User-agent: GPTBot\nUser-agent: CCBot\nDisallow: {RESERVED}\n"
)
TDMREP: Final = (
    '[{"location": "/articles/article-5.html", "tdm-reservation": 1, "tdm-policy": "https://example.org/mining"},'
    ' {"location": "/", "tdm-reservation": 0}]\n'
)
AI_TXT: Final = "User-Agent: *\nDisallow: /gallery/img/plate-02.png\n"
XMP: Final = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
    ' xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"'
    ' plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"/></rdf:RDF></x:xmpmeta>'
)
ARTICLES: Final = 8
PICTURES: Final = 10

_LICENSES: Final[Mapping[str, str]] = {
    "CC BY 4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC0 1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC BY-NC 4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
}
_PICTURE_LICENSES: Final = ("CC BY 4.0",) * 4 + ("CC0 1.0",) * 3 + ("CC BY-NC 4.0",) * 2 + ("",)


@dataclass(frozen=True, slots=True)
class Page:
    """One file of the site: path, body, media type and extra headers."""

    path: str
    body: bytes
    media_type: str = "text/html; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def build(site: Site, seed: int) -> None:
    """Put robots.txt and two more files about rights, all pages, a redirect and what must never be asked for on the site."""
    site.robots(ROBOTS)
    site.add("/.well-known/tdmrep.json", TDMREP, media_type="application/json")
    site.add("/ai.txt", AI_TXT, media_type="text/plain; charset=utf-8")
    for page in pages(seed):
        site.add(page.path, page.body, page.headers, media_type=page.media_type)
    site.redirect("/articles/old-name.html", "/articles/article-1.html")


def pages(seed: int) -> Iterator[Page]:
    """Yield every page and picture."""
    yield from _articles(seed)
    yield from _gallery(seed)
    yield Page(f"{FORBIDDEN}ledger.html", _document("Ledger", "<p>Nobody was invited to read this.</p>", ""))
    yield Page(f"{FORBIDDEN}hidden.png", picture(seed * 1000 + 999), "image/png")
    yield Page(f"{RESERVED}essay.html", _document("Essay", "<p>People and search engines are welcome.</p>", "CC BY 4.0"))


def planted() -> Mapping[str, object]:
    """Return how many pages, pictures, licenses and opt-outs (by mechanism) there are, and the paths nobody may ask for."""
    return {
        "forbidden": FORBIDDEN,
        "reserved": RESERVED,
        "articles": ARTICLES + 1,
        "plates": PICTURES,
        "unlicensed": 1 + _PICTURE_LICENSES.count(""),
        "non-commercial": _PICTURE_LICENSES.count("CC BY-NC 4.0"),
        "opt-outs": {"meta-robots": 1, "x-robots-tag": 2, "tdmrep": 1, "ai-txt": 1, "aipref": 1, "plus": 1},
    }


def _articles(seed: int) -> Iterator[Page]:
    """Yield eight articles: the sixth without a license, the seventh and eighth with an opt-out (meta, header)."""
    chance = chance_of(seed, "articles")
    links = [f'<li><a href="article-{n}.html">Article {n}</a></li>' for n in range(1, ARTICLES + 1)]
    links += ['<li><a href="old-name.html">An old name</a></li>', '<li><a href="gone.html">A page that is gone</a></li>']
    links.append(f'<li><a href="{FORBIDDEN}ledger.html">The ledger</a></li>')
    links.append(f'<li><a href="{RESERVED}essay.html">An essay</a></li>')
    index = f"<p>{sentences(chance, 5)}</p><ul>{''.join(links)}</ul>"
    yield Page("/articles/", _document("Harbour notes", index, "CC BY 4.0"))
    for number in range(1, ARTICLES + 1):
        body = "".join(f"<p>{note(chance, label, 5)}</p>" for label in chance.sample(LABELS, 2))
        license_name = "" if number == 6 else "CC BY 4.0"
        document = _document(f"Article {number}", body, license_name, noai=number == 7)
        headers = (("X-Robots-Tag", "noai, noimageai"),) if number == 8 else ()
        yield Page(f"/articles/article-{number}.html", document, headers=headers)


def _gallery(seed: int) -> Iterator[Page]:
    """Yield two pages of figures and their pictures; one more figure shows a picture under the forbidden path."""
    chance = chance_of(seed, "gallery")
    figures = []
    for number, license_name in enumerate(_PICTURE_LICENSES, start=1):
        caption = f"Plate {number}. {sentences(chance, 1)}"
        figures.append(_figure(f"img/plate-{number:02}.png", caption, license_name, f"Draughtsman {number % 3 + 1}"))
        headers = (("X-Robots-Tag", "noimageai"),) if number == 1 else ()
        image = picture(seed * 1000 + number, xmp=XMP if number == 4 else "")
        yield Page(f"/gallery/img/plate-{number:02}.png", image, "image/png", headers)
    figures.append(_figure(f"{FORBIDDEN}hidden.png", "The plate that is not shown.", "CC0 1.0", "Nobody"))
    first = "".join(figures[:6]) + '<p><a href="page-2.html">More plates</a></p>'
    yield Page("/gallery/", _document("Plates", first, ""))
    yield Page("/gallery/page-2.html", _document("More plates", "".join(figures[6:]), ""))


def _figure(source: str, caption: str, license_name: str, author: str) -> str:
    link = f'<a rel="license" href="{_LICENSES[license_name]}">{license_name}</a>' if license_name else ""
    return (
        f'<figure data-label="plates"><img src="{source}" alt="">'
        f'<figcaption>{caption} <span itemprop="author">{author}</span> {link}</figcaption></figure>\n'
    )


def _document(title: str, main: str, license_name: str, *, noai: bool = False) -> bytes:
    robots = '<meta name="robots" content="noai, noimageai">' if noai else ""
    footer = f'<a rel="license" href="{_LICENSES[license_name]}">{license_name}</a>' if license_name else "All rights unclear."
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{robots}'
        f'<meta name="author" content="The Harbour Press"></head>\n<body><nav><a href="./">Start</a></nav>\n'
        f"<main><h1>{title}</h1>\n{main}</main>\n<footer><p>{footer}</p></footer></body></html>\n"
    ).encode()

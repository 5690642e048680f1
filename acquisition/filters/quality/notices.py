"""What pages say in place of their content, and what stands where a text is still to come, as one expression."""

from __future__ import annotations

from typing import Final

_PHRASES: Final = (
    # placeholders
    r"\blorem ipsum\b",
    r"\bdolor sit amet\b",
    r"\bconsectetur adipisci",
    r"\binsert (?:your )?(?:text|content) here\b",
    r"\byour text (?:goes )?here\b",
    r"\bthis is a placeholder\b",
    r"\bthis (?:page|(?:web)?site) is (?:currently )?under construction\b",
    # requests for JavaScript
    r"\b(?:enable|turn on|activate|activer|activez|aktivieren(?: sie)?(?: bitte)?|habilit[ae]r?|abilita(?:re)?) javascript\b",
    r"\bjavascript (?:is|must be|has been) (?:disabled|enabled|required|turned)",
    r"\bjavascript (?:ist deaktiviert|est désactivé|está desactivado)|javascriptを有効",
    r"\bthis (?:page|(?:web)?site|app|application|form) requires javascript\b",
    # cookie notices
    r"\b(?:we|(?:this|our) (?:web)?site) uses? cookies\b",
    r"\baccept all cookies\b",
    r"\b(?:wir|(?:diese|unsere) (?:seite|site|webseite|website)) (?:verwende[nt]|nutz(?:en|t)|benutz(?:en|t)) cookies\b",
    r"\b(?:nous utilisons|(?:ce|notre) site (?:web )?utilise) des cookies\b",
    r"\b(?:utilizamos|usamos|(?:este|nuestro|nosso) (?:sitio|site)(?: web)? (?:utiliza|usa)) cookies\b",
    r"\b(?:utilizziamo|(?:questo|il nostro) sito(?: web)? (?:utilizza|usa)) (?:i )?cookies?\b",
    r"\b(?:wij gebruiken|(?:deze|onze) (?:web)?site (?:gebruikt|maakt gebruik van)) cookies\b",
    # pages that are not there, or not for everybody
    r"\b(?:404|page) not found\b",
    r"\bpage you (?:requested|(?:are|were) looking for) (?:could|can't|cannot|was|does|has|is)\b",
    r"\brequested url was not found\b",
    r"\baccess denied\b",
    r"\bchecking your browser\b",
    r"\bseite (?:wurde )?nicht gefunden\b",
    r"\bpage (?:non trouv|introuvable)",
    r"\bpágina n(?:o|ão) encontrada\b",
    r"\bpagina (?:non trovata|niet gevonden)\b",
    r"страница не найдена|页面不存在|找不到页面|ページが見つかりません",
)
PLACEHOLDER: Final = "(?i)" + "|".join(phrase.replace(" ", r"\s+") for phrase in _PHRASES)
"""A space stands for any white space."""

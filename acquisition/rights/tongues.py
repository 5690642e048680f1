"""What the words of Creative Commons names are called in other languages, and how they are put into English before reading.

The names are those of the deeds that Creative Commons publishes per language (licenses/by-nc-sa/4.0/deed.xx) and of their older
forms. Only names are translated; a sentence around them is read for words that make it doubtful.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Final

# English | in other languages; longer ones first is seen to by `_table`
_PHRASES: Final = """
attribution | atribución | reconocimiento | reconeixement | atribució | atribuição | atribuicao | attribuzione
  | namensnennung | naamsvermelding | uznanie autorstwa | erkännande | navngivelse | navngjevelse | kreditering
  | nimeä | uveďte původ | uveďte autora | uvedenie autora | nevezd meg | atribuire | atıf | alıntı | imenovanje
  | priznanje avtorstva | autorstvo | αναφορά δημιουργού | атрибуция | с указанием авторства | указание авторства
  | із зазначенням авторства | зазначення авторства | atribución de autoría | paternité | aitortu | recoñecemento
  | viide autorile | autorile viitamine | priskyrimas | atsauce | 署名 | 姓名標示 | 姓名标示 | 표시 | 저작자표시
  | 저작자 표시 | 表示 | نسب المصنف | נסב המצנף | ייחוס | ghi công | atribusi | ghi công tác giả
noncommercial | pas d'utilisation commerciale | pas d utilisation commerciale
  | pas d'utilisation à des fins commerciales | pas de utilisation commerciale | no comercial | nocomercial
  | não comercial | nãocomercial | uso não comercial | uso não-comercial | non commerciale | non opere commerciali
  | nicht kommerziell | nichtkommerziell | keine kommerzielle nutzung | niet commercieel | nietcommercieel
  | użycie niekomercyjne | ickekommersiell | icke kommersiell | ikke kommerciel | ikkekommerciel | ikkekommersiell
  | ikke kommersiell | ei kaupallinen | eikaupallinen | neužívejte dílo komerčně | neužívejte komerčně
  | nepoužívajte komerčne | ne add el | necomercial | gayriticari | gayri ticari | nekomercijalno | nekomercialno
  | μη εμπορική χρήση | некоммерческая | некоммерческое использование | некоммерческое | некомерційна
  | некомерційне використання | ez komertziala | non comercial | mitteäriline | 非商业性使用 | 非商业性 | 非商業性
  | 非商业 | 비영리 | 非営利 | غير تجاري | לא מסחרי | שימוש לא מסחרי | phi thương mại | nonkomersial | non-komersial
sharealike | partage dans les mêmes conditions | partage des conditions initiales à l'identique
  | partage des conditions initiales a l identique | partage à l'identique | compartir igual | compartirigual
  | compartir bajo la misma licencia | compartilha igual | compartilhaigual | compartilhamento pela mesma licença
  | partilha nos mesmos termos | condividi allo stesso modo | weitergabe unter gleichen bedingungen | gelijk delen
  | gelijkdelen | na tych samych warunkach | dela lika | delalika | del på samme vilkår | delpåsammevilkår
  | del på same vilkår | jaa samoin | jaasamoin | zachovejte licenci | zachovajte licenciu | így add tovább
  | partajare în condiții identice | aynı lisansla paylaş | aynılisanslapaylaş | deliti pod istim uslovima
  | deljenje pod enakimi pogoji | dijeli pod istim uvjetima | παρόμοια διανομή | с сохранением условий
  | распространение на тех же условиях | на тех же условиях | поширення на тих самих умовах | partekatu berdin
  | jagamine samadel tingimustel | 相同方式共享 | 相同方式分享 | 동일조건변경허락 | 동일조건 변경허락 | 継承
  | المشاركة بالمثل | הפצה זהה | שיתוף זהה | chia sẻ tương tự | berbagiserupa
noderivatives | pas de modification | pas de modifications | pas d'oeuvre dérivée | pas d'œuvre dérivée
  | sin derivadas | sin obra derivada | sin obras derivadas | sinderivadas | sense obra derivada
  | sense obres derivades | sem derivações | semderivações | sem derivados | sem obras derivadas
  | vedada a criação de obras derivadas | non opere derivate | keine bearbeitung | keine bearbeitungen
  | keinebearbeitungen | geen afgeleide werken | geenafgeleidewerken | bez utworów zależnych | inga bearbetningar
  | ingabearbetningar | ingen bearbejdelse | ingenbearbejdelse | ingen bearbeidelser | ingenbearbeidelse
  | ei muutoksia | eimuutoksia | nezasahujte do díla | nezpracovávejte | nespracúvajte | ne változtasd
  | fără modificări | türetilemez | bez prerada | brez predelav | όχι παράγωγα έργα | без производных произведений
  | без производных | без переработки | без похідних творів | 禁止演绎 | 禁止改作 | 변경금지 | 변경 금지 | 改変禁止
  | بدون اشتقاق | منع الاشتقاق | ללא יצירות נגזרות | không phái sinh
creative commons | creativecommons | 知识共享 | 知識共享 | 创作共用 | 創用cc | 創用 cc | クリエイティブ・コモンズ
  | クリエイティブコモンズ | 크리에이티브 커먼즈 | المشاع الإبداعي | креатив коммонс | креатив комонс
international | internacional | internationale | internazionale | internationaal | międzynarodowe | internationell
  | kansainvälinen | mezinárodní | medzinárodná | nemzetközi | internațional | uluslararası | međunarodna
  | mednarodna | διεθνές | международная | всемирная | міжнародна | 国际 | 國際 | 国際 | 국제 | دولي | בינלאומי
  | quốc tế
unported | non transposé | no portada | non portata | não adaptada | nicht portiert | 未本地化版本 | 非移植
  | непортированная
generic | générique | genérica | genérico | generico | generisch | algemeen | 通用
license | licence | lizenz | licencia | llicència | licença | licenza | licentie | licencja | licens | lisens
  | lisenssi | lisanssi | licencie | licenciu | licenci | licenc | licență | lisansı | lisans | licencom | άδεια
  | лицензия | лицензии | лицензией | ліцензія | ліцензії | lizentzia | litsents | litsentsi | 许可协议 | 授權條款
  | 許可協議 | 授权条款 | 许可证 | 许可 | ライセンス | 라이선스 | 이용허락 | رخصة | רישיון | giấy phép | lisensi
public domain | domaine public | dominio público | dominio publico | domini públic | domínio público
  | dominio pubblico | gemeinfrei | gemeinfreiheit | publiek domein | domena publiczna | dominium publiczne
  | публічне надбання | общественное достояние | 公共领域 | 公有领域 | パブリックドメイン | 퍼블릭 도메인
all rights reserved | tous droits réservés | todos los derechos reservados | todos os direitos reservados
  | tutti i diritti riservati | alle rechte vorbehalten | alle rechten voorbehouden | wszelkie prawa zastrzeżone
  | все права защищены | 版权所有 | 保留所有权利 | 無断転載禁止
under | sous | unter | bajo | sob | onder | na licencji | под | за | 采用 | 根据
or later | oder neuer | oder später | oder höher | ou ultérieure | o posterior | ou posterior | o successiva
"""
_UNSPACED: Final = re.compile(r"[\u0590-\u06ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def plain_letters(text: str) -> str:
    """Return text in lower case without accents; letters of other scripts stay."""
    text = (
        unicodedata.normalize("NFKD", text.casefold()).replace("ø", "o").replace("ł", "l").replace("đ", "d").replace("ı", "i")
    )
    bare = "".join(letter for letter in text if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", bare.replace("œ", "oe").replace("æ", "ae"))


def in_english(text: str) -> str:
    """Return text (as `plain_letters` gives it) with the phrases of the table replaced by English ones."""
    pattern, table = _table()
    return pattern.sub(lambda found: f" {table[_key(found[0])]} ", text)


@cache
def _table() -> tuple[re.Pattern[str], dict[str, str]]:
    table = dict(_rows())
    parts = []
    for phrase in sorted(table, key=len, reverse=True):
        # Words may be joined by hyphens or nothing but space; scripts without spaces have no word borders.
        body = r"[\s'’·・-]{1,3}".join(re.escape(word) for word in phrase.split(" "))
        parts.append(body if _UNSPACED.search(phrase) else rf"(?<!\w){body}(?!\w)")
    return re.compile("|".join(parts)), table


def _rows() -> Iterator[tuple[str, str]]:
    for row in re.sub(r"\n\s+\|", " |", _PHRASES.strip()).splitlines():
        english, *others = (cell.strip() for cell in row.split(" | "))
        for phrase in others:
            yield _key(plain_letters(phrase)), english


def _key(phrase: str) -> str:
    return " ".join(re.sub(r"[\s'’·・-]+", " ", phrase).split())

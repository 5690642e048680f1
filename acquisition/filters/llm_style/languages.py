"""Phrases of chat assistants in other languages than English: how they name themselves, decline, and end.

Every phrase is the wording that assistants are known for in that language; those of HC3 and of the refusal lists say so. Scripts
without spaces have patterns without word bounds.
"""

# ruff: noqa: E501, ISC004  # a pattern is read as one line

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from acquisition.filters.llm_style.phrases import ASSISTANT, HC3, Phrase, Tier

_CERTAIN: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "de": (
        (
            "as-an-ai",
            "sprachmodell|als ki|als ai|ein ki|eine ki|einer ki|ein ai|eine ai|künstliche intelligenz|language model|ki-assistent|ai-assistent|großes ki|großes ai|textbasierte",
            r"\bals (?:ein(?:e|er|em)? )?(?:großes )?(?:ki|ai|künstliche intelligenz|(?:ki-|ai-)?sprachmodell|(?:ki|ai)[ -](?:assistent|modell|"
            r"language model)|textbasiertes? (?:ki|ai)[a-z-]{0,20}),? (?:kann|habe|bin|verfüge|darf|möchte|muss|ist es mir|werde|besitze|wurde) ?(?:ich|nicht|mir)?\b",
        ),
        (
            "i-am-an-ai",
            "ich bin",
            r"\bich bin (?:nur |lediglich |bloß )?ein(?:e)? (?:(?:großes )?(?:ki-|ai-)?sprachmodell|künstliche intelligenz|ki(?:-assistent|-modell)?[,. ](?:und|"
            r"der|die|das|von|kann|ohne))",
        ),
        (
            "cutoff",
            "wissensstand|trainingsdaten|mein wissen|wissensupdate",
            r"\b(?:mein(?:em)? (?:letztes? |letzten )?(?:wissensstand|wissensupdate)|meine trainingsdaten|mein wissen) (?:reichen?|reicht|endet|enden|gehen|geht|ist auf|war|stammt|im|vom|aus dem jahr)",
        ),
        (
            "cannot",
            "tut mir leid",
            r"\b(?:es )?tut mir leid,? (?:aber )?(?:als [a-zäöüß -]{2,30},? )?(?:ich kann|kann ich) (?:ihnen |dir )?(?:bei |diese(?:r|n|m)? )(?:dieser |diese )?(?:anfrage|inhalt)",
        ),
        (
            "real-time",
            "ich habe keinen",
            r"\bich habe keinen (?:direkten )?zugriff auf (?:echtzeit|aktuelle (?:daten|informationen)|das internet)",
        ),
    ),
    "fr": (
        (
            "as-an-ai",
            "en tant qu",
            r"\ben tant qu(?:e |')(?:un |une )?(?:grand )?(?:modèle (?:de langage|linguistique)(?: (?:ia|d'ia|d'intelligence artificielle))?|intelligence artificielle|ia|assistant(?:e)? "
            r"(?:ia|virtuel(?:le)?|d'ia)|modèle d'(?:ia|intelligence artificielle))(?: (?:développée?|créée?|entraînée?) par [a-z]{2,12})?,? (?:je|j'|il m'est|mes|ma|mon)",
        ),
        (
            "i-am-an-ai",
            "modèle de langage|intelligence artificielle|qu'une ia|une ia|un ia|assistant ia|assistant virtuel|suis ia|simplement ia|seulement ia",
            r"\bje (?:ne )?suis (?:qu'|seulement |simplement )?(?:un(?:e)? )(?:(?:grand )?modèle de langage|intelligence artificielle|ia[,. ]|assistant (?:ia|virtuel)\b)",
        ),
        (
            "cutoff",
            "mes connaissances|base de connaissances|données d'entraînement|mise à jour",
            r"\b(?:ma (?:dernière mise à jour (?:de|des) connaissances|base de connaissances)|mes (?:connaissances|données d'entraînement)) (?:date|remonte|s'arrêt(?:e|ent)|se limitent|sont limitées|ne vont que|vont)",
        ),
        (
            "cannot",
            "désolé",
            r"\b(?:je suis )?désolée?,? (?:mais )?je ne peux pas (?:répondre à|satisfaire|accéder à|traiter|vous aider (?:avec|dans|pour)) (?:cette|votre) demande",
        ),
        ("real-time", "temps réel", r"\bje n'ai pas accès (?:à des|aux) (?:informations|données) en temps réel"),
    ),
    "es": (
        (
            "as-an-ai",
            "modelo de lenguaje|modelo lingüístico|modelo de ia|asistente de ia|asistente virtual|inteligencia artificial|como ia|como un ia|gran ia",
            r"\bcomo (?:un )?(?:gran )?(?:modelo de lenguaje|modelo lingüístico|modelo de ia|asistente (?:de ia|virtual)|inteligencia artificial|ia)(?: (?:de ia|de inteligencia artificial|"
            r"basado en ia|(?:desarrollado|creado|entrenado) por [a-z]{2,12}))?,? (?:no (?:tengo|puedo|poseo|dispongo|soy)|yo|mi|mis|puedo|carezco|estoy|me|soy|fui|he)\b",
        ),
        (
            "i-am-an-ai",
            "modelo de lenguaje|inteligencia artificial|una ia|asistente de ia|asistente virtual",
            r"\b(?:solo |sólo )?soy (?:solo |sólo |simplemente )?(?:un (?:gran )?modelo de lenguaje|una inteligencia artificial|una ia[,. ]|un asistente (?:de ia|virtual)[,. ])",
        ),
        (
            "cutoff",
            "fecha de corte|mi actualización|mi última actualización|datos de entrenamiento|mi conocimiento",
            r"\b(?:mi (?:última )?(?:fecha de corte|actualización)(?: de(?:l)? (?:conocimiento|conocimientos|entrenamiento))|mis datos de entrenamiento|mi conocimiento) (?:es|llegan?|"
            r"se extiende|abarca|termina|está limitado|en|fue|hasta)|\bmi última actualización (?:de conocimientos?|en (?:[a-z]{4,10} de )?20[0-9]{2})",
        ),
        (
            "cannot",
            "lo siento",
            r"\blo siento,? (?:pero )?no puedo (?:cumplir|ayudar(?:te|le)?|procesar|atender|completar)(?: con)? (?:con )?(?:esa|esta|tu|su|dicha) (?:solicitud|petición)",
        ),
        ("real-time", "tiempo real", r"\bno tengo acceso a (?:información|datos) (?:actualizad[oa]s? )?en tiempo real"),
    ),
    "pt": (
        (
            "as-an-ai",
            "modelo de linguagem|modelo de ia|assistente de ia|assistente virtual|inteligência artificial|como ia|uma ia|um ia|grande ia",
            r"\bcomo (?:um |uma )?(?:grande )?(?:modelo de linguagem|modelo de ia|assistente (?:de ia|virtual)|inteligência artificial|ia)(?: (?:de ia|de inteligência artificial|baseado em ia|(?:desenvolvido|"
            r"criado|treinado) pel[ao] [a-z]{2,12}))?,? (?:(?:eu )?não (?:tenho|posso|possuo|consigo|sou)|eu|meu|minha|meus|posso|fui)\b",
        ),
        (
            "i-am-an-ai",
            "modelo de linguagem|inteligência artificial|uma ia|assistente de ia|assistente virtual",
            r"\b(?:eu )?sou (?:apenas |somente )?(?:um (?:grande )?modelo de linguagem|uma inteligência artificial|uma ia[,. ]|um assistente (?:de ia|virtual)[,. ])",
        ),
        (
            "cutoff",
            "data de corte|minha atualização|minha última atualização|dados de trein|meu conhecimento",
            r"\b(?:minha (?:última )?(?:data de corte|atualização)(?: de conhecimento)?|meus dados de (?:treinamento|treino)|meu conhecimento) (?:é|vão|vai|se estendem?|termina|está limitado|em|foi)",
        ),
        (
            "cannot",
            "desculpe|sinto muito|lamento",
            r"\b(?:desculpe|sinto muito|lamento),? (?:mas )?(?:eu )?não posso (?:atender|ajudar|cumprir|processar)(?: com)? (?:a )?(?:essa|esta|sua|esse|este) (?:solicitação|pedido)",
        ),
        ("real-time", "tempo real", r"\bnão tenho acesso a (?:informações|dados) em tempo real"),
    ),
    "it": (
        (
            "as-an-ai",
            "modello linguistico|modello di linguaggio|modello di ia|assistente ia|assistente ai|assistente virtuale|intelligenza artificiale|come ia|come ai|come un ia|come un ai|come una ia|un'ia|una ai|quanto ia|quanto ai|essendo ia|essendo ai|quanto un ia|quanto un ai|essendo un ia|essendo un ai|quanto una ia|essendo una ia|grande ia|grande ai|un' ia|un' ai|un'ai",
            r"\b(?:come|in quanto|essendo) (?:un(?:a|')? ?)?(?:grande )?(?:modello (?:linguistico|di linguaggio)|modello di ia|assistente (?:ia|ai|virtuale)|intelligenza artificiale|ia|ai)(?: (?:di ia|ai|ia|di intelligenza "
            r"artificiale|(?:sviluppato|creato|addestrato) da [a-z]{2,12}))?,? (?:non (?:ho|posso|possiedo|provo|riesco|sono|dispongo)|io|il mio|le mie|i miei|posso|sono)\b",
        ),
        (
            "i-am-an-ai",
            "modello linguistico|modello di linguaggio|intelligenza artificiale|un'ia|assistente ia|assistente ai|assistente virtuale",
            r"\bsono (?:solo |soltanto |semplicemente )?(?:un (?:grande )?modello (?:linguistico|di linguaggio)|un'intelligenza artificiale|un'ia[,. ]|un assistente (?:ia|ai|virtuale)[,. ])",
        ),
        (
            "cutoff",
            "mie conoscenze|mia conoscenza|dati di addestramento|delle conoscenze",
            r"\b(?:le mie conoscenze|la mia conoscenza|i miei dati di addestramento|il mio (?:ultimo )?aggiornamento delle conoscenze) (?:risale|risalgono|si ferma|si fermano|arriva|arrivano|è aggiornata|sono aggiornate|è limitata|sono limitat[ei])",
        ),
        (
            "cannot",
            "mi dispiace",
            r"\bmi dispiace,? (?:ma )?non posso (?:soddisfare|aiutart?i|aiutarla|assistert?i|elaborare|completare)(?: con)? (?:questa|la tua|tale|la sua) richiesta",
        ),
        ("real-time", "tempo reale", r"\bnon ho accesso a (?:informazioni|dati) in tempo reale"),
    ),
    "nl": (
        (
            "as-an-ai",
            "taalmodel|ai-assistent|ai-model|kunstmatige intelligentie|als ai|een ai|groot ai",
            r"\bals (?:een )?(?:groot )?(?:ai-?taalmodel|taalmodel|ai-(?:assistent|model)|kunstmatige intelligentie|ai)(?: (?:ontwikkeld|getraind|gemaakt) door [a-z]{2,12})?,? (?:kan|heb|ben|beschik|mag|is het voor mij|moet) ?(?:ik|niet)?\b",
        ),
        (
            "i-am-an-ai",
            "taalmodel|kunstmatige intelligentie|een ai",
            r"\bik ben (?:slechts |maar |alleen )?een (?:(?:groot )?(?:ai-)?taalmodel|kunstmatige intelligentie|ai-(?:assistent|model)|ai[,. ](?:en|dus|zonder))",
        ),
        (
            "cutoff",
            "mijn kennis|mijn training",
            r"\bmijn (?:kennis|trainingsdata|trainingsgegevens|kennisupdate) (?:reikt|reiken|loopt|lopen|gaat|gaan|eindigt|is bijgewerkt|stopt|is beperkt) ",
        ),
        (
            "cannot",
            "het spijt me|sorry",
            r"\b(?:het spijt me|sorry),? (?:maar )?ik kan (?:je |u )?(?:niet )?(?:aan dit verzoek (?:niet )?voldoen|niet helpen met dit verzoek|(?:niet )?met dit verzoek helpen|dit verzoek niet)",
        ),
        (
            "real-time",
            "ik heb geen",
            r"\bik heb geen (?:directe )?toegang tot (?:realtime|real-time|actuele) (?:informatie|gegevens|data)",
        ),
    ),
    "pl": (
        (
            "as-an-ai",
            "model językowy|sztuczna inteligencja|asystent ai|asystent si|jako ai|model ai|duży ai",
            r"\bjako (?:duży )?(?:model językowy(?: (?:ai|si|sztucznej inteligencji|oparty na ai))?|sztuczna inteligencja|asystent (?:ai|si)|ai|model ai),? (?:nie (?:mam|mogę|posiadam|jestem|potrafię)|mogę|jestem|moja|moje|mój|zostałem)",
        ),
        (
            "i-am-an-ai",
            "jestem",
            r"\bjestem (?:tylko |jedynie )?(?:dużym )?(?:modelem językowym|sztuczną inteligencją|asystentem ai|modelem ai)",
        ),
        (
            "cutoff",
            "moja wiedza|moje dane",
            r"\b(?:moja wiedza|moje dane treningowe) (?:kończy się|kończą się|sięga|sięgają|jest ograniczona|są ograniczone|jest aktualna|obejmuje|obejmują)",
        ),
        (
            "cannot",
            "przepraszam|przykro mi",
            r"\b(?:przepraszam|przykro mi),? (?:ale )?nie mogę (?:spełnić|zrealizować|pomóc (?:w|z)|wykonać) (?:tej|tym|tego|twojej|ta) (?:prośb|żądani|zapytani)",
        ),
        (
            "real-time",
            "nie mam dostępu",
            r"\bnie mam dostępu do (?:informacji|danych) (?:w czasie rzeczywistym|czasu rzeczywistego)",
        ),
    ),
    "ru": (
        (
            "as-an-ai",
            "языковая модел|языковой модел|языковую модел|ии-ассистент|ии-модел|ai-ассистент|ai-модел|искусственн|как ии|будучи ии|являясь ии|большая ии|большой ии|большую ии",
            r"(?:как|будучи|являясь) (?:большая |большой |большую |большой )?(?:языков(?:ая|ой|ую) модель?(?:ю)?|(?:ии|ai)-(?:ассистент|модель)|искусственный интеллект|искусственным интеллектом|ии|"
            r"языковая модель (?:ии|ai)),? (?:я|мне|мои|моя|у меня|не (?:имею|могу|обладаю))",
        ),
        (
            "i-am-an-ai",
            "языковая модель|языковой моделью|искусственн|ии-",
            r"я (?:всего лишь |просто |лишь |– |— |- )?(?:большая )?(?:языковая модель|искусственный интеллект|ии-(?:ассистент|модель)|являюсь (?:языковой моделью|искусственным интеллектом))",
        ),
        (
            "cutoff",
            "мои знания|мои данные|мои обучающие",
            r"мои (?:знания|данные(?: обучения)?|обучающие данные) (?:ограничены|заканчиваются|актуальны|обновлялись|охватывают)",
        ),
        (
            "cannot",
            "извините|сожалению|прощения|простите",
            r"(?:извините|к сожалению|прошу прощения|простите),? (?:но )?я не могу (?:выполнить|удовлетворить|помочь (?:с|вам с)|обработать) (?:этот|эту|этим|ваш|данный|этой) (?:запрос|просьб)",
        ),
        (
            "real-time",
            "реального времени|реальном времени",
            r"(?:у меня нет доступа|я не имею доступа) к (?:данным|информации) (?:в реальном времени|реального времени)",
        ),
    ),
    "uk": (
        (
            "cannot",
            "вибачте|жаль|перепрошую",
            r"(?:вибачте|на жаль|перепрошую),? (?:але )?я не можу (?:виконати|задовольнити|допомогти (?:з|із|вам з)|обробити) (?:цей|цим|ваш|цю|цією|вашим) (?:запит|прохання)",
        ),
        (
            "as-an-ai",
            "мовна модель|штучний інтелект|ші",
            r"як (?:велика )?(?:мовна модель|штучний інтелект|ші|ші-(?:асистент|модель)),? (?:я|мені|мої|не (?:маю|можу))",
        ),
        (
            "i-am-an-ai",
            "мовна модель|штучний інтелект|ші-",
            r"я (?:лише |просто |– |— )?(?:мовна модель|штучний інтелект|ші-(?:асистент|модель))",
        ),
    ),
    "zh": (
        (
            "as-an-ai",
            "语言模型|語言模型|人工智能|人工智慧|作为ai|作為ai|一个ai|一個ai|一名ai|一款ai|大型ai|的ai",
            r"(?:作为|作為)(?:一个|一個|一名|一款)?(?:大型|由[a-z]{2,12}(?:开发|開發|训练|訓練)的)?(?:(?:ai|人工智能|人工智慧)(?:大?(?:语言模型|語言模型)|助手|助理|模型|聊天机器人|聊天機器人)?|大?(?:语言模型|語言模型))[,，、]?(?:我|本人|无法|無法|不能|没有|沒有)",
        ),
        (
            "i-am-an-ai",
            "我是|我只是|我仅仅是|我僅僅是|我仅是",
            r"我(?:只|仅仅|僅僅)?是(?:一个|一個|一名|一款|由[a-z]{2,12}(?:开发|開發|训练|訓練)的)?(?:大型|ai|人工智能|人工智慧){1,2}(?:语言模型|語言模型|助手|助理|模型|程序|程式|聊天机器人|聊天機器人)",
        ),
        (
            "i-am-a-model",
            "语言模型|語言模型",
            r"我(?:只|仅仅|僅僅)?是(?:一个|一個|一种|一種)?(?:由[a-z]{2,12}(?:开发|開發|训练|訓練)的)?(?:大型)?(?:语言模型|語言模型)",
        ),
        (
            "cutoff",
            "我的知|我的训练|我的訓練",
            r"我的(?:知识|知識|训练数据|訓練數據|训练资料|訓練資料)(?:截止|仅限|僅限|只更新|更新|只到|截至|库截|庫截)",
        ),
        (
            "cannot",
            "抱歉|对不起|對不起",
            r"(?:抱歉|对不起|對不起)[,，]?(?:但)?我(?:无法|無法|不能)(?:满足|滿足|完成|处理|處理|协助|協助|执行|執行){1,2}(?:您|你)?(?:完成|处理|處理|的)?(?:这个|這個|该|該|此)?(?:请求|請求|要求)",
        ),
        (
            "real-time",
            "实时|即時|實時|最新",
            r"我(?:无法|無法|没有|沒有|不能)(?:直接)?(?:访问|存取|訪問|获取|獲取)(?:实时|即時|實時|最新)(?:的)?(?:信息|資訊|数据|數據|互联网|網路)",
        ),
    ),
    "ja": (
        (
            "as-an-ai",
            "モデルとして|アシスタントとして|チャットボットとして|モデルな|モデルである|モデルです|アシスタントな|アシスタントである|アシスタントです|チャットボットな|チャットボットである|チャットボットです",
            r"(?:ai|人工知能|大規模)(?:の|による)?(?:大規模)?(?:言語モデル|アシスタント|チャットボット|モデル)(?:として|なので|であるため|ですので)",
        ),
        (
            "as-ai-i",
            "aiとして|人工知能として|言語モデルとして",
            r"(?:私は)?(?:ai|人工知能|言語モデル)として、?(?:私|個人的|申し訳|最新|感情|意見)",
        ),
        (
            "i-am-an-ai",
            "私は",
            r"私は(?:、)?(?:単なる|ただの|openaiが開発した|[a-z]{2,12}によって(?:開発|訓練|作成)された)?(?:大規模)?(?:ai|人工知能|言語モデル)(?:の)?(?:言語モデル|アシスタント|チャットボット|モデル)?(?:です|であり|なので|であるため|のため)",
        ),
        (
            "cutoff",
            "私の知識|私の学習データ|私のトレーニングデータ",
            r"私の(?:知識|学習データ|トレーニングデータ)(?:は|の(?:カットオフ|更新))[^。\n]{0,20}(?:まで|時点|カットオフ|更新)",
        ),
        (
            "cannot",
            "申し訳",
            r"申し訳(?:ありません|ございません)(?:が)?、?(?:その|この)?(?:ような)?(?:ご)?(?:リクエスト|要求|依頼|要望)に(?:は)?(?:お応え|応じる|対応|お答え)",
        ),
        (
            "real-time",
            "リアルタイム",
            r"リアルタイム(?:の|で)?(?:情報|データ)に(?:は)?アクセス(?:できません|することができません|できない|する(?:能力|機能)(?:は|が))",
        ),
    ),
    "ko": (
        (
            "as-an-ai",
            "언어모델|언어 모델|어시스턴트|비서|챗봇|모델로서|모델으로서|모델로써|모델이",
            r"(?:ai|인공지능|인공 지능|대규모|대형) ?(?:언어 ?모델|어시스턴트|비서|챗봇|모델)(?:로서|으로서|로써|이기 때문에|이므로|이라서)",
        ),
        (
            "as-ai-i",
            "ai로서|인공지능로서|지능으로서|모델로서|모델으로서",
            r"(?:ai|인공지능|언어 ?모델)(?:으)?로서,? ?(?:저는|제가|나는|개인적)",
        ),
        (
            "i-am-an-ai",
            "저는|나는",
            r"(?:저는|나는) (?:단지 |그저 |[a-z]{2,12}(?:에서|가|에 의해) (?:개발한|훈련된|개발된|만든) )?(?:대규모 |대형 )?(?:ai|인공지능|언어 ?모델)(?: ?(?:언어 ?모델|어시스턴트|비서|챗봇|모델))?(?:입니다|이며|이기|이므로|이라|일 뿐)",
        ),
        (
            "cutoff",
            "제 지식|저의 지식|제 학습|저의 학습|제 훈련|저의 훈련",
            r"(?:제|저의) (?:지식|학습 데이터|훈련 데이터)(?:은|는|이|가)? [^.\n]{0,20}(?:까지|시점|기준|한정)",
        ),
        (
            "cannot",
            "죄송",
            r"죄송(?:합니다|하지만)(?:만)?[,.]? ?(?:그|이|해당|귀하의|요청하신) ?(?:요청|내용|부탁)(?:을|에|은|는)? ?(?:들어드릴|도와드릴|처리할|응할|응답할|수행할|이행할)",
        ),
        ("real-time", "실시간", r"실시간 (?:정보|데이터)에 (?:직접 )?(?:접근|액세스)할 수 없"),
    ),
    "ar": (
        (
            "as-an-ai",
            "نموذج|ذكاء|مساعد",
            r"(?:بصفتي|كوني|باعتباري|لكوني|ك) ?(?:نموذج(?:ا|ًا|اً)? (?:ال)?(?:ذكاء|لغوي(?:ا|ًا|اً)?|لغة|للغة)|ذكاء(?:ً|ا)? (?:ا|إ)صطناعي(?:ا|ًا|اً)?|مساعد(?:ا|ًا|اً)? (?:ا|إ)فتراضي(?:ا|ًا|اً)?|مساعد ذكاء)",
        ),
        (
            "i-am-an-ai",
            "نموذج|ذكاء|مساعد",
            r"(?:أنا|انا) (?:مجرد )?(?:نموذج (?:لغوي|لغة|ذكاء)|ذكاء (?:ا|إ)صطناعي|مساعد (?:ذكاء|ذكي|(?:ا|إ)فتراضي))",
        ),
        (
            "cannot",
            "عذرا|عذرًا|آسف|أعتذر|عذراً",
            r"(?:عذرا|عذرًا|عذراً|آسف|أعتذر)،? (?:و?لكن(?:ني)? )?(?:لا أستطيع|لا يمكنني) (?:تلبية|تنفيذ|معالجة|المساعدة في|مساعدتك في) (?:هذا|طلبك|طلب)",
        ),
        ("cutoff", "معرفتي|معلوماتي|تدريبي", r"(?:معرفتي|معلوماتي|بيانات تدريبي) (?:محدودة|تنتهي|تتوقف|حتى|تمتد)"),
    ),
    "tr": (
        (
            "as-an-ai",
            "yapay zeka|yapay zekâ|dil modeli",
            r"\b(?:bir )?(?:büyük )?(?:yapay zek[aâ](?: dil)? (?:modeli|asistanı|modelı)|yapay zek[aâ]|dil modeli) olarak,? (?:ben|benim|kişisel|duygu|gerçek zamanlı|bu konuda|size|herhangi|bunu|fikir)",
        ),
        (
            "i-am-an-ai",
            "yapay zeka|yapay zekâ|dil model",
            r"\bben (?:sadece |yalnızca )?(?:bir )?(?:büyük )?(?:yapay zek[aâ]|dil model)",
        ),
        (
            "cannot",
            "üzgünüm|maalesef",
            r"\b(?:üzgünüm|maalesef),? (?:ancak |ama |fakat )?(?:bu|söz konusu) (?:isteği|talebi|isteğinizi|talebinizi|isteğinize|talebinize|isteğe|talebe|konuda size) (?:yerine getiremem|karşılayamam|yardımcı olamam|gerçekleştiremem)",
        ),
        (
            "cutoff",
            "bilgilerim|bilgim|verilerim",
            r"\b(?:benim )?(?:bilgilerim|bilgim|eğitim verilerim) [^.\n]{0,30}(?:kadar|sınırlı|tarihine)",
        ),
    ),
    "cs": (
        (
            "cannot",
            "omlouvám|lituji|promiňte|bohužel",
            r"\b(?:omlouvám se|lituji|promiňte|bohužel),? (?:ale )?(?:s (?:tímto|touto|vaším) (?:požadavkem|žádostí) (?:vám |ti )?(?:nemohu|nemůžu) pomoci|(?:nemohu|nemůžu) (?:vám |ti )?(?:pomoci s (?:tímto|touto|vaším)|splnit (?:tento|tuto|váš|vaši)) (?:požadav|žádost))",
        ),
        (
            "as-an-ai",
            "jazykový model|umělá inteligence|jako ai|velký ai",
            r"\bjako (?:velký )?(?:(?:ai )?jazykový model(?: (?:ai|umělé inteligence))?|umělá inteligence|ai|ai (?:asistent|model)),? (?:nemám|nemohu|nemůžu|nejsem|jsem|mohu|moje|mé)",
        ),
        (
            "i-am-an-ai",
            "jazykový model|umělá inteligence|ai asistent|ai model",
            r"\bjsem (?:pouze |jen )?(?:jazykový model|umělá inteligence|ai (?:asistent|model))",
        ),
    ),
    "sv": (
        (
            "cannot",
            "ledsen|tyvärr|förlåt",
            r"\b(?:jag är ledsen|tyvärr|förlåt),? (?:men )?(?:jag kan inte|kan jag inte) (?:uppfylla|hjälpa (?:dig |till )?med|behandla) (?:den här|denna|din) (?:begäran|förfrågan)",
        ),
        (
            "as-an-ai",
            "språkmodell|ai-assistent|ai-modell|artificiell intelligens|som ai|en ai|stor ai",
            r"\bsom (?:en )?(?:stor )?(?:ai-?språkmodell|språkmodell|ai-(?:assistent|modell)|artificiell intelligens|ai),? (?:kan|har|är|saknar) jag",
        ),
        (
            "i-am-an-ai",
            "jag är",
            r"\bjag är (?:bara |endast )?en (?:stor )?(?:ai-?språkmodell|språkmodell|ai-(?:assistent|modell)|artificiell intelligens)",
        ),
    ),
    "da": (
        (
            "cannot",
            "beklager|undskyld",
            r"\b(?:(?:jeg )?beklager|undskyld),? (?:men )?(?:jeg kan ikke|kan jeg ikke) (?:opfylde|hjælpe (?:dig )?med|behandle) (?:denne|din|den) (?:anmodning|forespørgsel)",
        ),
        (
            "as-an-ai",
            "sprogmodel|ai-assistent|ai-model|kunstig intelligens|som ai|en ai|stor ai",
            r"\bsom (?:en )?(?:stor )?(?:ai-?sprogmodel|sprogmodel|ai-(?:assistent|model)|kunstig intelligens|ai),? (?:kan|har|er|mangler) jeg",
        ),
        (
            "i-am-an-ai",
            "jeg er",
            r"\bjeg er (?:bare |kun )?en (?:stor )?(?:ai-?(?:sprogmodel|språkmodell)|sprogmodel|språkmodell|ai-(?:assistent|modell?)|kunstig intelligens)",
        ),
    ),
    "no": (
        (
            "cannot",
            "beklager|dessverre",
            r"\b(?:(?:jeg )?beklager|dessverre),? (?:men )?(?:jeg kan ikke|kan jeg ikke) (?:oppfylle|hjelpe (?:deg )?med|behandle) (?:denne|din) (?:forespørselen|forespørsel)",
        ),
        (
            "as-an-ai",
            "språkmodell|ki-assistent|ki-modell|kunstig intelligens",
            r"\bsom (?:en )?(?:stor )?(?:ki-språkmodell|ai-?språkmodell|språkmodell|ki-(?:assistent|modell)|kunstig intelligens),? (?:kan|har|er|mangler) jeg",
        ),
    ),
    "fi": (
        (
            "cannot",
            "valitettavasti|pahoillani|anteeksi",
            r"\b(?:valitettavasti|olen pahoillani|anteeksi),? (?:mutta )?en voi (?:auttaa tässä pyynnössä|täyttää (?:tätä )?pyyntöä|toteuttaa (?:tätä )?pyyntöä|auttaa tämän pyynnön)",
        ),
        (
            "as-an-ai",
            "tekoäly|kielimalli",
            r"\b(?:tekoälynä|tekoälymallina|(?:tekoäly-?)?kielimallina|tekoälyavustajana),? (?:minulla|en|voin|minä|olen)",
        ),
    ),
    "hu": (
        (
            "cannot",
            "sajnálom|elnézést",
            r"\b(?:sajnálom|elnézést),? (?:de )?(?:nem tudok segíteni (?:ebben|ezzel) a kér|nem tudom teljesíteni (?:ezt|a) (?:a )?kér)",
        ),
        (
            "as-an-ai",
            "modellként|intelligenciaként",
            r"\b(?:mesterséges intelligenci(?:a|ás) )?(?:nyelvi modellként|modellként|intelligenciaként),? (?:nem|nincs|én|nincsenek)",
        ),
    ),
    "ro": (
        (
            "cannot",
            "rău|scuze|regret",
            r"\b(?:îmi pare rău|scuze|regret),? (?:dar )?nu (?:vă |te )?pot (?:ajuta cu|îndeplini|satisface|procesa) (?:aceast[ăa] (?:solicitare|cerere)|solicitarea|cererea)",
        ),
        (
            "as-an-ai",
            "model de limb|model lingvistic|inteligență artificială",
            r"\b(?:ca|în calitate de) (?:un )?(?:model (?:de limbaj|lingvistic|de limbă)|inteligență artificială)(?: (?:ai|de ia|ia))?,? (?:nu|eu|pot)",
        ),
    ),
    "el": (
        (
            "cannot",
            "λυπάμαι|συγγνώμη",
            r"(?:λυπάμαι|συγγνώμη),? (?:αλλά )?δεν μπορώ να (?:(?:σας |σε )?βοηθήσω (?:με|σε)|εκπληρώσω|ικανοποιήσω) (?:αυτό το|αυτό|το|αυτήν την|αυτή την) αίτημα",
        ),
        (
            "as-an-ai",
            "γλωσσικό|νοημοσύνη|νοημοσύνης",
            r"ως (?:ένα )?(?:μεγάλο )?(?:γλωσσικό μοντέλο|τεχνητή νοημοσύνη|μοντέλο τεχνητής νοημοσύνης)(?: (?:τεχνητής νοημοσύνης|ai))?,? (?:δεν|εγώ|μπορώ)",
        ),
    ),
    "he": (
        ("as-an-ai", "כמודל|כבינה", r"(?:כמודל שפה|כבינה מלאכותית|כמודל בינה)[^.\n]{0,20} (?:אני|אין לי|איני)"),
        (
            "cannot",
            "מצטער|סליחה",
            r"(?:אני מצטער(?:ת)?|סליחה|מצטער(?:ת)?),? (?:אבל )?(?:אני לא יכול(?:ה)?|איני יכול(?:ה)?) (?:לעזור|לסייע|למלא)[^.\n]{0,8} (?:ב|את ה|עם ה)?בקשה",
        ),
    ),
    "fa": (
        (
            "cannot",
            "متأسفم|متاسفم|ببخشید",
            r"(?:متأسفم|متاسفم|ببخشید)[،,]? (?:اما )?(?:من )?نمی ?‌?توانم[^.\n]{0,20} (?:این|به این) درخواست",
        ),
        ("as-an-ai", "به عنوان", r"به عنوان (?:یک )?(?:مدل (?:زبانی|زبان)|هوش مصنوعی|دستیار هوش)[^.\n]{0,30}(?:من|نمی|ندارم)"),
    ),
    "hi": (
        (
            "cannot",
            "खेद|माफ़ करें|क्षमा",
            r"(?:मुझे खेद है|माफ़ करें|क्षमा करें),? (?:लेकिन )?मैं (?:इस|आपके|आपकी इस) (?:अनुरोध|निवेदन) (?:में|को|के साथ)[^।\n]{0,25} (?:नहीं कर|असमर्थ)",
        ),
        ("as-an-ai", "मॉडल|सहायक", r"एक (?:एआई|ai|कृत्रिम बुद्धिमत्ता|बड़े) ?(?:भाषा )?(?:मॉडल|सहायक) (?:के रूप में|होने के नाते)"),
        ("i-am-an-ai", "मैं एक", r"मैं एक (?:एआई|ai|कृत्रिम बुद्धिमत्ता) (?:भाषा )?(?:मॉडल|सहायक) हूँ"),
    ),
    "vi": (
        (
            "cannot",
            "xin lỗi",
            r"xin lỗi,? (?:nhưng )?tôi không thể (?:giúp(?: bạn)?(?: với)?|đáp ứng|thực hiện|hỗ trợ(?: bạn)?(?: với)?) yêu cầu (?:này|đó|của bạn)",
        ),
        (
            "as-an-ai",
            "mô hình ngôn ngữ|trợ lý|trí tuệ nhân tạo|một ai",
            r"là một (?:mô hình ngôn ngữ(?: (?:ai|lớn|trí tuệ nhân tạo))?|trợ lý (?:ai|ảo)|trí tuệ nhân tạo|ai),? tôi",
        ),
        (
            "i-am-an-ai",
            "mô hình ngôn ngữ|trợ lý ai|trí tuệ nhân tạo",
            r"tôi (?:chỉ )?là (?:một )?(?:mô hình ngôn ngữ|trợ lý ai|trí tuệ nhân tạo)",
        ),
    ),
    "id": (
        (
            "cannot",
            "maaf",
            r"\bmaaf,? (?:tetapi |tapi |namun )?saya tidak (?:dapat|bisa) (?:membantu|memenuhi|memproses|melakukan)(?: anda)?(?: dengan)? permintaan (?:tersebut|ini|itu|anda)",
        ),
        (
            "as-an-ai",
            "model bahasa|asisten ai|kecerdasan buatan|sebagai ai|sebuah ai",
            r"\bsebagai (?:sebuah )?(?:model bahasa(?: (?:ai|besar))?|asisten ai|ai|kecerdasan buatan),? (?:saya|aku)",
        ),
        (
            "i-am-an-ai",
            "model bahasa|asisten ai|kecerdasan buatan",
            r"\bsaya (?:hanya |hanyalah |adalah )(?:sebuah )?(?:model bahasa|asisten ai|kecerdasan buatan)",
        ),
    ),
    "th": (
        ("as-an-ai", "ในฐานะ", r"ในฐานะ(?:ที่เป็น)?(?:โมเดลภาษา|แบบจำลองภาษา|ผู้ช่วย ?ai|ปัญญาประดิษฐ์|ai)"),
        ("cannot", "ขออภัย", r"ขออภัย(?:ครับ|ค่ะ)? ?(?:แต่)?(?:ฉัน|ผม)?ไม่สามารถ(?:ช่วย|ตอบสนอง|ดำเนินการ)[^.\n]{0,20}คำขอ"),
    ),
}
"""Per language: id, anchors ("|" between them) and pattern of what hardly anybody but an assistant writes."""

_WEAK: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "de": (
        ("hope-this-helps", "ich hoffe", r"\bich hoffe,? (?:das|dies|diese informationen) (?:hilft|helfen)\b"),
        (
            "let-me-know",
            "lass mich wissen|lass es mich|lassen sie|lass mich|zögern sie nicht",
            r"\b(?:lass(?:en sie)? (?:es )?mich (?:gerne )?wissen,? (?:wenn|ob|falls)|zögern sie nicht,? (?:mich )?zu fragen)\b",
        ),
        (
            "here-is",
            "natürlich!|gerne!|selbstverständlich!",
            r"\b(?:natürlich|gerne|selbstverständlich)! hier (?:ist|sind|findest|finden)\b",
        ),
        (
            "important-to-note",
            "es ist wichtig",
            r"\bes ist wichtig(?: zu beachten|, darauf hinzuweisen|,? zu erwähnen),? dass\b",
        ),
    ),
    "fr": (
        (
            "hope-this-helps",
            "j'espère que",
            r"\bj'espère que (?:cela|ça|ceci|ces informations) (?:vous |t')?(?:aide|aidera|aident|sera utile)",
        ),
        ("let-me-know", "n'hésite", r"\bn'hésite(?:z)? pas à me (?:demander|faire savoir|poser|dire)"),
        ("here-is", "voici", r"\b(?:bien sûr|certainement|avec plaisir) ?! voici\b"),
        (
            "important-to-note",
            "il est important|il est essentiel",
            r"\bil est (?:important|essentiel) de (?:noter|souligner|rappeler) que\b",
        ),
    ),
    "es": (
        (
            "hope-this-helps",
            "espero que",
            r"\bespero que (?:esto|esta información) (?:te |le |les )?(?:ayude|sea útil|sea de ayuda|sirva)",
        ),
        (
            "let-me-know",
            "no dude|hazme saber|házmelo saber|avísame saber|no dudes",
            r"\b(?:no dud(?:es|e) en (?:preguntar|decírmelo|consultarme|contactarme)|(?:hazme|házmelo|avísame) saber si)",
        ),
        ("here-is", "! aquí", r"¡(?:por supuesto|claro(?: que sí)?|desde luego)! aquí (?:tienes|tiene|está|hay)\b"),
        ("important-to-note", "es importante", r"\bes importante (?:tener en cuenta|destacar|señalar|mencionar) que\b"),
    ),
    "pt": (
        (
            "hope-this-helps",
            "espero que",
            r"\bespero que (?:isso|isto|esta informação) (?:te |lhe )?(?:ajude|seja útil|tenha ajudado)",
        ),
        ("here-is", "claro!|certamente!|certeza!", r"\b(?:claro|certamente|com certeza)! (?:aqui está|aqui estão|segue)\b"),
        ("important-to-note", "é importante", r"\bé importante (?:ressaltar|notar|destacar|lembrar|observar) que\b"),
    ),
    "it": (
        (
            "hope-this-helps",
            "spero che",
            r"\bspero che (?:questo|queste informazioni) (?:ti |le |vi )?(?:sia|siano|aiuti|possa|possano)",
        ),
        ("here-is", "! ecco", r"\b(?:certamente|certo|assolutamente)! ecco\b"),
        ("important-to-note", "è importante", r"\bè importante (?:notare|sottolineare|ricordare|tenere presente) che\b"),
    ),
    "nl": (
        ("hope-this-helps", "ik hoop dat", r"\bik hoop dat (?:dit|deze informatie) (?:helpt|nuttig is|je helpt|u helpt)"),
        ("here-is", "! hier", r"\b(?:natuurlijk|zeker|uiteraard)! hier (?:is|zijn|vind)\b"),
        (
            "important-to-note",
            "het is belangrijk",
            r"\bhet is belangrijk om (?:op te merken|te vermelden|te weten|te onthouden) dat\b",
        ),
    ),
    "pl": (
        ("hope-this-helps", "mam nadzieję", r"\bmam nadzieję,? że (?:to|te informacje) (?:pomoże|pomogą|pomaga|okaż)"),
        ("here-is", "oczywiście!|jasne!", r"\b(?:oczywiście|jasne)! (?:oto|poniżej)\b"),
        (
            "important-to-note",
            "warto zauważyć|należy pamiętać|ważne jest",
            r"\b(?:warto zauważyć|należy pamiętać|ważne jest, aby pamiętać),? że\b",
        ),
    ),
    "ru": (
        ("hope-this-helps", "надеюсь", r"надеюсь,? (?:что )?это (?:поможет|помогло|вам поможет)"),
        ("let-me-know", "дайте мне знать", r"дайте мне знать,? если"),
        ("here-is", "конечно! вот", r"конечно! вот\b"),
        ("important-to-note", "важно", r"важно (?:отметить|помнить|учитывать),? что"),
    ),
    "zh": (
        (
            "hope-this-helps",
            "希望",
            r"希望(?:这|這|以上|我的回答|这些|這些)[^。\n]{0,12}(?:有帮助|有幫助|有所帮助|有所幫助|能帮助|能幫助)",
        ),
        ("let-me-know", "请随时|請隨時", r"(?:请随时|請隨時)(?:告诉我|告訴我|提问|提問|向我)"),
        ("important-to-note", "意的是|请注意|請注意", r"(?:需要注意的是|值得注意的是|请注意|請注意)[,，]"),
        ("here-is", "当然", r"当然(?:可以)?[!！,，](?:以下是|这是|这里是)"),
    ),
    "ja": (
        ("hope-this-helps", "幸いです", r"(?:お役に立てれば|参考になれば|お役に立てば)幸いです"),
        (
            "here-is",
            "もちろんです|承知しました|かしこまりました",
            r"(?:もちろんです|承知しました|かしこまりました)[!！。](?:以下|こちら|ここ)",
        ),
    ),
    "ko": (
        ("hope-this-helps", "도움이 되", r"도움이 되(?:었기를|었길|길|시길) 바랍니다"),
        ("here-is", "물론", r"물론(?:입니다|이죠|이에요)[!.] ?(?:다음은|여기|아래)"),
    ),
    "ar": (
        ("hope-this-helps", "آمل أن|أتمنى أن", r"(?:آمل|أتمنى) أن (?:يكون|تكون) (?:هذا|هذه|ذلك)[^.\n]{0,20}(?:مفيد|مساعد)"),
    ),
    "tr": (
        (
            "hope-this-helps",
            "umarım",
            r"\bumarım (?:bu|bu bilgi(?:ler)?) (?:size |sana )?(?:yardımcı olur|faydalı olur|yardımcı olmuştur)",
        ),
        ("here-is", "elbette!|tabii ki!|tabii!", r"\b(?:elbette|tabii ki|tabii)! (?:[iİ]şte|aşağıda)\b"),
    ),
}

_FROM_HC3: Final = frozenset({"zh"})
"""Languages whose weak phrases stand in the indicating words of HC3."""


def _phrases(tier: Tier, table: Mapping[str, tuple[tuple[str, str, str], ...]]) -> Iterator[Phrase]:
    for language, rows in table.items():
        for name, anchors, pattern in rows:
            source = HC3 if tier == "weak" and language in _FROM_HC3 else ASSISTANT
            yield Phrase(f"{name}.{language}", tier, language, source, tuple(anchors.split("|")), pattern)


CERTAIN: Final = tuple(_phrases("certain", _CERTAIN))
WEAK: Final = tuple(_phrases("weak", _WEAK))

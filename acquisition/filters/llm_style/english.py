"""English phrases of chat assistants, refusals first. Every one names its source."""

# ruff: noqa: E501  # a pattern is read as one line

from __future__ import annotations

from typing import Final

from acquisition.filters.llm_style.phrases import ASSISTANT, CLEANING, HC3, INTERFACE, KOBAK, REFUSALS, WIKIPEDIA, Phrase, Tier

_AI: Final = r"(?:ai|a\.i\.|artificial intelligence)"
_KIND: Final = r"(?:(?:large )?language model|text-based model|assistant|chat ?bot|model|program)"
_NAMES: Final = (
    r"(?:chat ?gpt|gpt(?:-?[0-9][a-z0-9.-]{0,6})?|claude|bard|gemini|copilot|llama|mistral|grok|siri|alexa|bert|palm)"
)
_MAKERS: Final = (
    r"(?:openai|anthropic|google(?: deepmind| ai)?|deepmind|meta ai|mistral ai|microsoft|xai|deepseek|alibaba cloud)"
)
_ABOUT: Final = (
    rf"(?:\b{_NAMES}|\b(?:it|itself|which|used|serves?|served|serving|known|described|describes itself|introduced|acts?|acting|works?"
    r"|working|functions?|functioning|designed|developed|trained|marketed|regarded|seen|defined|classified|positioned|treated"
    r"|launched|released|such|bots?|chatbots?|tools?|systems?|models?)),? ?"
)
"""Words before "as an AI language model" that make it a description of something else."""
_THIRD: Final = (
    rf"[,)]? (?:{_NAMES}|(?:it|they|he|she|this|these|such|chatbots?|the (?:tool|bot|system|model|chatbot)|that|which|who) "
    r"(?:can|could|cannot|can't|has|have|had|does|do|is able|are|is not able|lacks?|was|were|generates?|may|might|will|would|"
    r"produces?|uses?|relies|learns?|said|says|works)\b|for |to (?:help|assist|generate|create|produce|support|answer)\b)"
)
"""Words after it that speak of a third party."""
_CANNOT: Final = (
    r"(?:can(?:no|')t|can not|won't|will not|am not able to|'m not able to|am unable to|'m unable to|won't be able to)"
)


def _phrase(
    name: str, tier: Tier, source: str, anchors: str, pattern: str, *, before: str = "", after: str = "", sign: str = ""
) -> Phrase:
    return Phrase(name, tier, "en", source, tuple(anchors.split("|")), pattern, before, after, sign)


CERTAIN: Final = (
    _phrase(
        "as-an-ai",
        "certain",
        CLEANING,
        "as an ai|as a ai|as an a.i|as a a.i|as an artificial|as a artificial|being an ai|being a ai|being an a.i|being a a.i|being an artificial|being a artificial|responsible ai|helpful ai|conversational ai|virtual ai|text-based ai|advanced ai|large ai|ble a.i|ful a.i|nal a.i|al a.i|ed a.i|ge a.i|ble artificial|ful artificial|nal artificial|al artificial|ed artificial|ge artificial",
        rf"\b(?:as|being) an? (?:(?:responsible|helpful|conversational|virtual|text-based|advanced|large) )?{_AI}(?:[ -](?:powered|based|driven))?"
        rf"(?: {_KIND})?(?:,? (?:developed|created|trained|made|built) by {_MAKERS})?,? "
        r"(?:i|i'm|i've|i'd|my|it is (?:not|important|impossible|beyond|difficult|essential|crucial)|it's (?:not|important|beyond))\b",
        before=_ABOUT,
    ),
    _phrase(
        "as-an-ai-model",
        "certain",
        CLEANING,
        "as an ai|as a ai|as an a.i|as a a.i|as an artificial|as a artificial|large ai|large a.i|large artificial",
        rf"\bas an? (?:large )?{_AI}(?:[ -](?:powered|based))? (?:(?:large )?language model|assistant|chat ?bot|model)\b",
        before=_ABOUT,
        after=_THIRD,
    ),
    _phrase(
        "as-an-assistant",
        "certain",
        ASSISTANT,
        "virtual assistant|digital assistant",
        r"\bas an? (?:virtual|digital) assistant,? i (?:do not|don't) (?:have|possess) (?:an? |any )?(?:physical|personal|feelings|emotions|the ability)\b",
        before=_ABOUT,
    ),
    _phrase(
        "for-me-as-an-ai",
        "certain",
        ASSISTANT,
        "for me, as|for me as",
        rf"\b(?:possible|impossible|difficult|appropriate|inappropriate|hard|beyond) for me,? as an? (?:{_AI}|(?:large )?language model)\b",
    ),
    _phrase(
        "as-a-language-model",
        "certain",
        REFUSALS,
        "language model|language ai model",
        rf"\bas an? (?:large |machine |text-based )?language (?:ai )?model(?:,? (?:developed|created|trained|made) by {_MAKERS})?,? "
        r"(?:i|i'm|i've|my)\b",
        before=_ABOUT,
    ),
    _phrase(
        "i-am-an-ai",
        "certain",
        REFUSALS,
        "an ai|a ai|an a.i|a a.i|an artificial|a artificial",
        rf"\bi(?:'m| am) (?:just |only |merely |simply |actually )?an? {_AI}"
        rf"(?:[,.;!]| and (?:do not|don't|can(?:no|')t|have no)| without | so i | {_KIND}\b)",
        after=r" (?:researcher|developer|engineer|student|company|expert|specialist|consultant|enthusiast|scientist|for a living)",
    ),
    _phrase(
        "i-am-a-language-model",
        "certain",
        REFUSALS,
        "language model",
        r"\bi(?:'m| am) (?:just |only |merely |simply )?a (?:large )?language model\b",
        after=r" (?:researcher|developer|engineer|student|expert|person)",
    ),
    _phrase(
        "i-am-product",
        "certain",
        ASSISTANT,
        "i'm chatgpt|i'm claude|i'm gemini|i'm bard|i'm copilot|i'm qwen|i'm deepseek|i am chatgpt|i am claude|i am gemini|i am bard|i am copilot|i am qwen|i am deepseek",
        rf"\bi(?:'m| am) (?:chatgpt|claude|gemini|bard|copilot|qwen|deepseek),? (?:an?|the) (?:large |helpful )?"
        rf"(?:{_AI}|language model|assistant|virtual assistant|chatbot|conversational)",
    ),
    _phrase(
        "made-by",
        "certain",
        CLEANING,
        "by openai|by anthropic|by google|by deepmind|by meta ai|by mistral ai|by microsoft|by xai|by deepseek|by alibaba cloud",
        rf"\bi(?:'m| am| was|'ve been| have been) (?:an? [a-z ,-]{{0,40}})?(?:developed|trained|created|made|built|designed) by {_MAKERS}\b",
        after=r" (?:in|at|as|during|to (?:be|become) an? (?:engineer|developer|instructor|salesperson|manager))\b",
    ),
    _phrase(
        "my-cutoff",
        "certain",
        WIKIPEDIA,
        "cutoff|cut-off|knowledge update|training update|data update",
        r"\b(?:my|as of my) (?:last |latest |most recent )?(?:knowledge|training)(?: data)? (?:cut-?off|update)\b",
    ),
    _phrase(
        "knowledge-ends",
        "certain",
        WIKIPEDIA,
        "my training|my knowledge",
        r"\bmy (?:training data|training|knowledge(?: base)?) (?:only )?(?:goes (?:up )?to|extends (?:only )?(?:up )?to|includes information up to|"
        r"ends in|is limited to information (?:available )?(?:up )?(?:to|until)|was last updated|only includes|is current (?:up )?(?:to|until)|"
        r"only covers|stops in|cuts off)",
        before=r"(?:nurse|teacher|doctor|apprentice|school|army|military)[^.]{0,40}",
    ),
    _phrase(
        "last-update",
        "certain",
        WIKIPEDIA,
        "as of my",
        r"\bas of my (?:last |latest |most recent )?(?:knowledge |training |data )?(?:update|training|cut-?off)(?: date)?(?: in|,| on| \()",
    ),
    _phrase(
        "real-time",
        "certain",
        CLEANING,
        "real-time|real time|realtime",
        r"\bi (?:do not|don't|can(?:no|')t|currently do not|currently don't) (?:have (?:direct )?access to|have the ability to access|access|have|"
        r"provide) (?:real-?time|real time) (?:information|data|updates|news|internet|access|weather|prices|databases)",
    ),
    _phrase(
        "cannot-browse",
        "certain",
        ASSISTANT,
        "browse the",
        r"\bi(?:'m| am)? ?(?:do not|don't|can(?:no|')t|am unable to|unable to|not able to) (?:have the (?:ability|capability) to )?browse "
        r"the (?:internet|web)\b",
        after=r" (?:at (?:work|school|home)|on my|anymore|while|without)",
    ),
    _phrase(
        "cannot-fulfil",
        "certain",
        REFUSALS,
        "that request|this request|your request|such a request|the request",
        rf"\bi ?{_CANNOT} (?:fulfil|fulfill|comply with|assist (?:you )?with|help (?:you )?with|process|complete|accommodate) "
        r"(?:that|this|your|such a|the) request\b",
        after=r" (?:for (?:time off|leave|a refund|reimbursement)|until|because (?:the|our|we)|at (?:our|this) (?:office|branch|store))",
    ),
    _phrase(
        "cannot-assist",
        "certain",
        REFUSALS,
        "sorry",
        rf"\b(?:(?:i'm|i am) (?:very |so |really )?)?sorry,? (?:but )?(?:as an ai[^.]{{0,40}} )?i ?{_CANNOT} "
        r"(?:assist (?:you )?with (?:that|this)(?:[.!]|$| (?:request|topic|task|query|question|kind|type|sort))|(?:provide|generate|create|write|produce|engage in|fulfil|fulfill|continue|offer) "
        r"(?:[a-z]{1,12} ){0,4}(?:content|request|information|advice|conversation|instructions|guidance|response|responses|material|stories|"
        r"prompt|text|code|language|explicit|harmful|illegal|inappropriate)\b)",
    ),
    _phrase(
        "refuses-content",
        "certain",
        CLEANING,
        "content that|responses that|material that|text that|instructions that|information that",
        rf"\bi ?{_CANNOT} (?:generate|create|provide|produce|write|engage in|assist in creating) (?:[a-z]{{1,14}} ){{0,3}}"
        r"(?:content|responses|material|text|instructions|information) that (?:is |are |may be |could be |could |may |might )?(?:promot|harm|explicit|sexual|"
        r"offensive|illegal|inappropriate|discriminat|violat|encourag|unethical|dangerous|glorif|copyright|depict|sexuali|exploit)",
        sign=r"that (?:is |are |may be |could be |could |may |might )?(?:promot|harm|explicit|sexual|offensive|illegal|inappropriate|discriminat|violat|encourag|unethical|dangerous|glorif|copyright|depict|sexuali|exploit)",
    ),
    _phrase(
        "my-guidelines",
        "certain",
        CLEANING,
        "my ethical|my safety|my core|my programming|my content policy|my use case",
        r"\b(?:goes against|go against|violates?|is against|within|against|not within) my (?:ethical |safety |core )?(?:programming|ethical guidelines|"
        r"safety guidelines|content policy|use case policy|programming or ethical guidelines)\b",
    ),
    _phrase(
        "openai-policy",
        "certain",
        CLEANING,
        "openai's",
        r"\b(?:violates?|goes against|against|violating|in line with|comply with|adhere to) openai's (?:content |use(?:-case| case)? |usage )?(?:policy|policies|guidelines)\b",
        before=r"(?:accounts?|users?|they|company|app|apps|developers?|which|that|because it|he|she|may|might|it) ?",
    ),
    _phrase(
        "no-personal",
        "certain",
        CLEANING,
        "have personal|possess personal|hold personal|experience personal",
        r"\bi (?:do not|don't) (?:have|possess|hold|experience) personal (?:opinions|beliefs|experiences|feelings|emotions|preferences|thoughts|desires|biases|"
        r"consciousness)(?:,? (?:or|and|nor) |, )(?:personal )?(?:opinions|beliefs|experiences|feelings|emotions|preferences|thoughts|desires|biases|views|"
        r"consciousness|emotional)",
    ),
    _phrase(
        "no-feelings",
        "certain",
        CLEANING,
        "feelings|emotions|consciousness",
        r"\bi (?:do not|don't) (?:have|possess|experience) (?:feelings|emotions|consciousness|opinions|beliefs|desires)(?:,| or|,? nor) "
        r"(?:(?:feelings|emotions|consciousness|opinions|beliefs|desires|personal|physical|a (?:body|consciousness|physical))\b)",
        after=r" (?:for|towards?|about) (?:him|her|you|them|it|this)\b",
        sign=r"(?:feelings|emotions|consciousness|opinions|beliefs|desires)(?:,| or|,? nor) ",
    ),
    _phrase(
        "programmed",
        "certain",
        CLEANING,
        "programmed to|computer program|machine learning model",
        r"\bi(?:'m| am) (?:programmed to (?:be|provide|assist|avoid|follow|promote|prioriti[sz]e|help|respond|generate)|(?:just |only )?a computer program\b|"
        r"(?:just |only )?a machine learning model\b)",
    ),
    _phrase(
        "by-my-training-data",
        "certain",
        ASSISTANT,
        "my training data|my training,",
        r"\b(?:according to|based on) my training(?: data)?,",
    ),
    _phrase(
        "cannot-access",
        "certain",
        ASSISTANT,
        "external|the internet|open links|view images|open attachments|see images or|open external links",
        rf"\bi ?(?:{_CANNOT}|(?:do not|don't) have the (?:ability|capability) to) (?:directly )?(?:access (?:external|the internet)|open (?:external )?links|(?:view|see) images or|view images|open attachments)"
        r"(?: (?:links|websites|files|databases|content|sources|urls))?",
        after=r" (?:at (?:work|school|home)|from (?:here|home|work|my)|on my|anymore|right now|today|since|because (?:my|the|our))",
    ),
    _phrase(
        "refuses-instructions",
        "certain",
        REFUSALS,
        "instructions|guidance|information|advice|assistance",
        rf"\bi ?{_CANNOT} (?:provide|offer|give) (?:you with )?(?:instructions|guidance|information|advice|assistance)"
        r"(?: (?:on|for|about|regarding|with))? [^.\n]{1,80}\b(?:illegal|unethical|harmful|dangerous)\b",
        sign=r"illegal|unethical|harmful|dangerous",
    ),
    _phrase(
        "refuses-pictures",
        "certain",
        CLEANING,
        "images|pictures|stories",
        rf"\bi ?{_CANNOT} (?:generate|create|produce) (?:images|pictures|stories) (?:that|of|depicting|with|showing)\b",
        sign=r"(?:generate|create|produce) (?:images|pictures|stories) ",
    ),
    _phrase(
        "so-many-words",
        "certain",
        ASSISTANT,
        "here is|here's|here\u2019s",
        r"\b(?:sure|certainly|of course|absolutely)[!,.] here(?:'s| is) an? [0-9]{2,4}[- ]words? (?:summary|essay|article|story|paragraph|description|text|speech|review)",
        sign=r"[0-9]{2,4}[- ]words? (?:summary|essay|article|story|paragraph|description|text|speech|review)",
    ),
    _phrase(
        "regenerate-response",
        "certain",
        INTERFACE,
        "regenerate response",
        r"\bregenerate response\b",
        before=r"(?:the|a|click(?:ed|ing)?(?: on)?|press(?:ed|ing)?|hit|hitting|tapp?(?:ed|ing)?|button|select(?:ed)?|called|labell?ed|say(?:s|ing)?) ?[\"'\u201c\u2018]?",
        after=r"[\"'\u201d]? (?:button|icon|option|function|feature|link)",
    ),
    _phrase(
        "can-make-mistakes",
        "certain",
        INTERFACE,
        "make mistakes|inaccurate info",
        r"\b(?:chatgpt|claude|gemini|copilot|grok|deepseek) (?:can make mistakes\. (?:check important|consider checking|verify|please double)|"
        r"may produce inaccurate information about people|may display inaccurate info|is ai and can make mistakes)",
    ),
    _phrase(
        "may-violate",
        "certain",
        INTERFACE,
        "may violate our",
        r"\bthis (?:content|prompt|request) may violate our (?:usage polic(?:y|ies)|content policy(?: or terms of use)?|terms of use or usage policies)",
    ),
    _phrase(
        "whole-refusal",
        "certain",
        REFUSALS,
        "sorry",
        rf"^\s{{0,5}}(?:i'm|i am) (?:very |so |really )?sorry,? (?:but )?i ?{_CANNOT} (?:help|assist|help you|assist you) with (?:that|this)[.!]?\s{{0,5}}$",
    ),
    _phrase("chatgpt-said", "certain", INTERFACE, "said:", r"(?:^|\n)(?:#{1,6} )?\*{0,2}(?:chatgpt|you) said:\*{0,2} ?\n"),
    _phrase(
        "certainly-here",
        "certain",
        WIKIPEDIA,
        "certainly! |certainly, |certainly. ",
        r"\bcertainly[!,.] (?:here is|here's|here are|below is|below are) (?:a|an|the|some|your|one) (?:[a-z'-]{1,16} ){0,4}"
        r"(?:version|introduction|summary|draft|rewrite|paragraph|list|outline|example|examples|explanation|overview|essay|response|breakdown|revision|"
        r"story|poem|email|letter|article|abstract|translation|text|code|script|suggestions|ideas)\b",
    ),
    _phrase(
        "your-name",
        "certain",
        WIKIPEDIA,
        "name]|name here]",
        r"\[(?:your|insert|insert your) (?:full |first |last )?name(?: here)?\]",
    ),
)
"""Phrases that hardly anybody but a chat assistant writes, unless they are quoted or spoken of."""

WEAK: Final = (
    _phrase("hope-this-helps", "weak", ASSISTANT, "hope this helps|hope that helps", r"\bi hope (?:this|that) helps\b"),
    _phrase("finds-you-well", "weak", WIKIPEDIA, "finds you well", r"\b(?:email|message|letter|note) finds you well\b"),
    _phrase(
        "certainly",
        "weak",
        ASSISTANT,
        "certainly!|absolutely!|of course!",
        r"\b(?:certainly|absolutely|of course)! (?:here|i|below|let)\b",
    ),
    _phrase(
        "sure-here",
        "weak",
        ASSISTANT,
        "sure! here|sure, here|sure. here|sure here|sure! below|sure, below",
        r"\bsure(?:!|,|\.)? (?:here(?:'s| is| are)|below (?:is|are)) (?:a|an|the|some|your|my|one|how)\b",
    ),
    _phrase(
        "revised-version",
        "weak",
        ASSISTANT,
        "revised version|rewritten version|polished version|improved version|refined version|updated version|expanded version|shortened version",
        r"\bhere(?:'s| is) (?:a|the|your) (?:[a-z]{3,14}(?:,| and)? )?(?:revised|rewritten|polished|improved|refined|updated|expanded|shortened) version\b",
    ),
    _phrase(
        "feel-free",
        "weak",
        HC3,
        "feel free to",
        r"\bfeel free to (?:ask|reach out|let me know|modify|adjust|customi[sz]e|tweak|adapt)\b",
    ),
    _phrase(
        "let-me-know",
        "weak",
        ASSISTANT,
        "let me know if",
        r"\blet me know if (?:you (?:have any (?:other|further|more)|need any|would like me to|'d like me to|want me to)|there(?:'s| is) anything else)\b",
    ),
    _phrase(
        "would-you-like-me",
        "weak",
        WIKIPEDIA,
        "would you like me",
        r"\bwould you like me to (?:add|adjust|also|create|draft|expand|explain|format|generate|help|include|make|prepare|provide|refine|rewrite|"
        r"suggest|summari[sz]e|tailor|turn|write)\b",
    ),
    _phrase(
        "important-to-note",
        "weak",
        HC3,
        "to note that|noting that|to remember that|to consider that",
        r"\bit(?:'s| is) (?:also )?(?:important|worth|crucial|essential) (?:to note|noting|to remember|to consider) that\b",
    ),
    _phrase("delve", "weak", KOBAK, "delve into|delves into|delved into|delving into", r"\bdelv(?:e|es|ed|ing) into\b"),
    _phrase("tapestry", "weak", WIKIPEDIA, "tapestry", r"\b(?:rich|intricate|vibrant) tapestry\b"),
    _phrase(
        "personal-opinions",
        "weak",
        CLEANING,
        "have personal",
        r"\bi (?:do not|don't) have personal (?:opinions|beliefs|experiences|feelings|emotions|preferences)\b",
    ),
    _phrase(
        "great-question",
        "weak",
        WIKIPEDIA,
        "great question|excellent question|insightful question|fantastic question",
        r"\b(?:that's|what) an? (?:great|excellent|insightful|fantastic) question\b",
    ),
    _phrase(
        "sorry-cannot",
        "weak",
        REFUSALS,
        "sorry, but i|sorry but i",
        rf"\b(?:i'm|i am) sorry,? but i ?{_CANNOT} (?:assist|help|provide|do that|answer|discuss)\b",
    ),
    _phrase("in-conclusion", "weak", WIKIPEDIA, "in summary,|in conclusion,", r"(?:^|\n)(?:in summary|in conclusion),"),
    _phrase("testament", "weak", WIKIPEDIA, "as a testament", r"\b(?:stands|serves) as a testament to\b"),
    _phrase(
        "ever-evolving",
        "weak",
        WIKIPEDIA,
        "fast-paced|ever-evolving|ever-changing|digital world|digital landscape|digital age|digital era",
        r"\bin (?:today's|the) (?:fast-paced|ever-evolving|ever-changing|digital) (?:world|landscape|age|era)\b",
    ),
    _phrase(
        "placeholder",
        "weak",
        WIKIPEDIA,
        "[your |[insert |[recipient|[company|[client|[enter |[add |[specific |[describe |[mention |[hiring",
        r"\[(?:your|insert|recipient(?:'s)?|company|client|enter|add|specific|describe|mention|hiring manager(?:'s)?) (?:[a-z'/-]{1,14} ?){1,5}\]",
    ),
    _phrase("knowledge-cutoff", "weak", WIKIPEDIA, "cutoff|cut-off", r"\bknowledge cut-?off\b"),
    _phrase(
        "up-to-my-knowledge",
        "weak",
        WIKIPEDIA,
        "information as of|information up to|information available as of|information available up to",
        r"\bbased on (?:the )?(?:available information|information available) (?:as of|up to)\b",
    ),
)
"""Phrases that assistants favour and people write too."""

"""What kind of word a word is, as far as that decides where a phrase may begin and end.

English is known best. Of some other languages the most frequent function words are known; of all
further ones only what numbers say (see :mod:`~trace_clustering.traces.naming.corpus`).
"""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum


class Kind(IntEnum):
    """What a word is to a phrase.

    Attributes:
        CONTENT: says what it is about; phrases begin and end with such words.
        LINK: may stand inside a phrase, as do the next three.
        PREPOSITION: not behind another link, but behind a verb.
        VERB: a form of "be" or "have"; not behind "and" or "or".
        JOIN: "and" and "or".
        PARTICLE: may also end one, as in "top up".
        NEGATION: may also begin one, as in "not received".
        BREAK: stands in no phrase.
        TAIL: may stand inside one behind a link, as in "to be".
        DROPPED: is left out, as articles are in headlines.
    """

    CONTENT = 0
    LINK = 1
    PARTICLE = 2
    NEGATION = 3
    BREAK = 4
    DROPPED = 5
    TAIL = 6
    PREPOSITION = 7
    VERB = 8
    JOIN = 9


_ENGLISH = {
    Kind.DROPPED: """
        a an the my your our his her its their this these those some any such own just really
        very actually already also even ever quite simply currently basically rather kindly
        please so too myself yourself itself themselves ourselves himself herself
    """,
    Kind.PARTICLE: "up off out down back away",
    Kind.NEGATION: """
        not no can't cannot couldn't won't unable never without cant wont didn't haven't didnt
        havent
    """,
    Kind.PREPOSITION: """
        of for from at by with in on over through into onto under after before between during via
        per against within until towards around across along among
    """,
    Kind.VERB: """
        is are am was were been being has had isn't wasn't aren't weren't hasn't isnt wasnt hasnt
    """,
    Kind.JOIN: "and or &",
    Kind.LINK: """
        to about than as still again yet now only more most less both each every all other
        another same doesn't don't doesnt dont wouldn't
    """,
    Kind.TAIL: "be",
    Kind.BREAK: """
        i i'm i've i'd i'll im ive id me mine have having you you're you've you'd you'll yours we
        we're we've we'd we'll us he he's she she's him they they're they've them it it's that
        that's there there's here what what's which who whom whose where when why how how's
        because if while although though since whether unless except but then else can could would
        should shall will may might must ought do does did done doing let let's lets hi hello hey
        dear greetings ok okay yes yeah yep sure well thanks thank thx cheers regards sorry bye
        goodbye welcome oh ah um hmm wow great perfect alright anyway maybe perhaps however
        therefore thus hence furthermore additionally finally firstly instead want wants wanted
        wanting need needs needed needing help helping helps know knows knowing like tell tells
        telling wonder wondering try trying tried tries look looking looks hope hoping think
        thinking thought believe understand guess mean means say says said saying ask asking asked
        see seeing seems seem appears make makes go goes going gone get gets getting got gotten
        take put come comes came happen happens happened happening give gives given giving
        something anything everything someone anyone everyone somebody anybody thing things stuff
        way long much many today yesterday tomorrow tonight recently lately soon ago moment
        possible able likely certain good nice bad lot lots bit kind sort etc bonjour merci
        beaucoup oui s'il vous plaît hola gracias danke bitte ciao grazie obrigado proceed
        proceeding appreciate appreciated e.g i.e question questions answer problem problems issue
        issues assist assistance advise exactly definitely probably especially particularly
        specifically otherwise fully completely few several one ones first second third next last
        two three four five six seven eight nine ten team sir madam mr mrs ms dr kg km cm mm gb mb
        am pm monday tuesday wednesday thursday saturday sunday january february april june july
        august september october november december jan feb apr jun jul aug sep sept oct nov dec
    """,
}

# Links of the languages met most often beside English, and greetings; only in texts that are
# not English are words taken for these.
_OTHERS = """
    a aan abbiamo aber ai al alla alle als am an ao as au auch auf aus aux avec avoir bei beim bij
    bin bist bitte bom bonjour buenos buongiorno c'est ce ces cet cette che ci ciao com come
    comment como con cosa cuando cómo d'un d'une da dag dal dalla dank danke dans das dass dat de
    dei dein del della delle dello dem den der des deze di dia dich die dir dit do donde dont dos
    dove du durch días e een ein eine einem einen einer eines el elle elles en er era es esa ese
    est esta este esto está están estão et eu euch favor foi fra fue für geen gli gracias grazie
    guten ha habe haben hai hallo han hat hatte hay he heb hebben heeft het hij ho hoe hoi hola há
    i ich ihr ihre ik il ils im in io is ist j'ai ja je jij jouw kan kann kein keine kunnen können
    la las le les lo los ma maar mais man mas me mein meine meinem meinen meiner merci mes met meu
    meus mi mia mich mie miei mijn minha minhas mio mir mis mit mon muito muy más n'est na naar
    nach nas ne nein nel nella nicht niet no noch nog non nos notre nous não o obrigada obrigado
    oder of olá om on onde ont ook op os ou oui où par para pas pela pelo per perché pero peux
    plaît plus por pour puede puedo puis qu'il quand quando que questa questo qui quiero quoi qué
    s'il sa salut sans schon se sehr sein sem ser ses seu si sie sin sind son sono sont su sua sur
    sus são ta tag te tem tes ti ton tra très tu tuo tus u uit um uma umas un una unas und une uno
    unos uns unter uw van vi von voor vor votre vous waar waarom wann wanneer war waren warum was
    wat we wenn wer werden wie wij wir wird wo wurde y ya zij zijn zonder zu zum zur à è é été
    être über
"""

ENGLISH = {word: kind for kind, words in _ENGLISH.items() for word in words.split()}
OTHERS = frozenset(_OTHERS.split())

_DETERMINERS = "a an the my your our his her its their this these those"
DETERMINERS = frozenset(_DETERMINERS.split())
"""What stands before a noun, and before the name of nobody."""

_BEFORE_VERBS = "to i we you they can cannot can't could not don't didn't please"
BEFORE_VERBS = frozenset(_BEFORE_VERBS.split())
"""What stands before a verb, where a determiner is behind it."""

_UNSPACED_CHARS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
UNSPACED = re.compile(f"[{_UNSPACED_CHARS}]+")
"""Runs of scripts that put no spaces between words."""

UNSPACED_LINKS = re.compile(
    "可以|一直|没有|沒有|如何|怎么|怎麼|什么|什麼|时候|時候|请问|請問|请帮|已经|已經|还没|需要|因为|因為"
    "|所以|但是|如果|还是|或者|以及|多少|为何|这个|那个|我们|你们|是否|能否|想要|我想"
)
"""Chinese words that say nothing of what it is about."""

IDEOGRAPHIC = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")
"""Those of them that have a comma of their own for lists."""

# Characters that mostly link words, what is written in hiragana only, and where it goes over into
# other characters, but for two prefixes.
_UNSPACED_LINK = re.compile(
    r"(?s:.?)[的了吗嗎呢吧啊嘛我你您他她它这這那什怎么麼们們をはがにでとのもへ]|[\u3040-\u309f]+$"
    r"|(?![おご])[\u3040-\u309f]"
)
# Marks, blanks and pictures, but no combining marks: words of Indian scripts hold some.
_NO_WORD = (
    r"\s\x00-\x26\x28-\x2c.-/:-@\[-\^`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\u00d7\u00f7\u037e"
    r"\u060c\u061b-\u061f\u06d4\u0964\u0965\u2000-\u200b\u200e-\u2018\u201a-\u2bff\u3000-\u3004\u3006-\u303f"
    r"\ufe00-\ufe6f\ufeff-\uff0f\uff1a-\uff20\uff3b-\uff3e\uff40\uff5b-\uff65\ufff0-\uffff"
    r"\ud800-\uf8ff\U0001f000-\U0001ffff\U000e0000-\U0010ffff"
)
_CHAR = f"[^{_NO_WORD}'_\u2019-]"
TOKEN = re.compile(rf"\[[a-z]+\]|{_CHAR}+(?:['\u2019_-]{_CHAR}+)*|\S")
"""Words, masks in brackets, and everything else that is no blank, one character each."""

IS_WORD = re.compile(_CHAR)

_MOST_CHARS = 30
# A word so long that holds a digit is a code or a key.
_CODE_CHARS = 16
_VOWEL = re.compile("[aeiouy]")
_LATIN = re.compile("[a-z'-]+")
_KEPT_S = ("ss", "us", "is", "ous")


def begins_with_mark(text: str) -> bool:
    """Whether it begins with a mark that belongs to the character before."""
    return unicodedata.category(text[:1] or " ").startswith("M")


def count_words(text: str) -> int:
    """Words in a text; two characters count as a word where there are no spaces."""
    unspaced = sum(len(run) for run in UNSPACED.findall(text))
    words = UNSPACED.sub(" ", text).split()
    return sum(any(c.isalnum() for c in word) for word in words) + (unspaced + 1) // 2


def kind_of(word: str, is_english: bool) -> Kind:
    """The kind of a word in small letters.

    Args:
        is_english: whether the texts that it stands in are English.
    """
    if is_english and word in ENGLISH:
        return ENGLISH[word]
    if not is_english and word in OTHERS:
        return Kind.LINK
    if not IS_WORD.match(word) or len(word) > _MOST_CHARS or word.startswith("["):
        return Kind.BREAK
    if UNSPACED.match(word):
        is_link = len(word) < 2 or UNSPACED_LINKS.fullmatch(word) or _UNSPACED_LINK.match(word)
        return Kind.LINK if is_link else Kind.CONTENT
    digits = sum(c.isdigit() for c in word)
    is_code = digits > 1 or (digits > 0 and len(word) >= _CODE_CHARS)
    return Kind.BREAK if is_code or digits == len(word) or len(word) == 1 else Kind.CONTENT


def root_of(word: str) -> str:
    """What the inflections of an English word in small letters share; others stay as they are."""
    if len(word) < 4 or not _LATIN.fullmatch(word):
        return word
    root = word.removesuffix("'s")
    if root.endswith("s") and not root.endswith(_KEPT_S):
        root = _singular(root)
    for ending in ("ing", "ed"):
        rest = root.removesuffix(ending)
        if rest != root and len(rest) > 2 and rest[-1] != "e" and _VOWEL.search(rest):
            root = rest
            break
    return _bare_end(root)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("sses", "xes", "zes", "ches", "shes")) else word[:-1]


def _bare_end(root: str) -> str:
    """Without what differs before an ending: ``cancelled``, ``declining``, ``tried``."""
    if root.endswith("i"):
        root = root[:-1] + "y"
    if root.endswith("e") and len(root) > 3:
        root = root[:-1]
    if len(root) > 3 and root[-1] == root[-2] and root[-1] not in "aeiou":
        root = root[:-1]
    return root

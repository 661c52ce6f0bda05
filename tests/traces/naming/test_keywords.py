"""Names of groups without a language model: what titles say, and what is never in them."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trace_clustering.traces.naming.keywords import NamedGroup, keyword_names
from trace_clustering.traces.naming.spans import listed
from trace_clustering.traces.naming.words import count_words
from trace_clustering.traces.rendering import NO_TEXT

ORDERS = [
    "Hi, can you please help me? I want to cancel my order before it ships",
    "I need to cancel my order, it was a mistake",
    "How do I cancel an order that I placed yesterday?",
    "Please cancel the order, I ordered twice",
]
REFUNDS = [
    "My refund has not arrived on my card yet",
    "Where is my refund? I returned the lamp two weeks ago",
    "The refund was not paid to my card",
    "When will the refund arrive on the card?",
]
PASSWORDS = [
    "I forgot my password and the reset mail does not come",
    "The password reset mail never arrives",
    "How can I reset my password?",
    "Resetting the password does not work",
]
TOPICS = (ORDERS, REFUNDS, PASSWORDS)


def flat(topics: Sequence[Sequence[str]]) -> tuple[list[str], list[NamedGroup]]:
    """Texts, and a top group for each topic."""
    texts: list[str] = []
    groups = []
    for number, topic in enumerate(topics):
        rows = range(len(texts), len(texts) + len(topic))
        groups.append(NamedGroup(number, None, 0, 0, rows))
        texts += topic
    return texts, groups


def titles(topics: Sequence[Sequence[str]]) -> list[str]:
    return [name.title for name in keyword_names(*flat(topics)).values()]


def everything(topics: Sequence[Sequence[str]]) -> str:
    """All that is said of the groups but the quoted texts."""
    names = keyword_names(*flat(topics)).values()
    return " ".join(" ".join([name.title, *name.keywords]) for name in names).casefold()


def test_titles_say_what_is_asked() -> None:
    orders, refunds, passwords = titles(TOPICS)
    assert "ancel" in orders
    assert "order" in orders
    assert "efund" in refunds
    assert "assword" in passwords
    assert "eset" in passwords


def test_names_of_all_groups_are_whole() -> None:
    for name in keyword_names(*flat(TOPICS)).values():
        assert 3 <= len(name.title.split()) <= 8
        assert name.title[0].isupper()
        assert name.source == "keywords"
        assert 0 < len(name.keywords) <= 10
        assert "typical: “" in name.description


def test_descriptions_quote_what_was_said_masked() -> None:
    texts, groups = flat(TOPICS)
    openings = ["By 4 December, ada@example.com 4111 1111 1111 1111", *[""] * (len(texts) - 1)]
    names = keyword_names(texts, groups, openings=openings)
    assert "typical: “By 4 December, [email]" in names[0].description
    assert "4111" not in names[0].description
    assert names[1] == keyword_names(texts, groups)[1]
    assert (
        "ada@"
        not in keyword_names(texts, groups, openings=["x " * 93 + openings[0], *texts[1:]])[
            0
        ].description
    )


def test_a_phrase_stands_for_its_words_and_inflections_are_one() -> None:
    late = [
        "Transfer is pending",
        "Two transfers are pending",
        "I transferred money, still pending",
    ]
    names = keyword_names(*flat([late, ORDERS]))
    words = " ".join(names[0].keywords).split()
    assert sum(word.startswith("transfer") for word in words) <= 1
    assert words.count("pending") == 1


def test_what_all_texts_share_names_nothing() -> None:
    prompt = "You are the assistant of Acme Bank, be polite and concise. "
    said = everything([[prompt + text for text in topic] for topic in TOPICS])
    assert not re.search(r"acme|bank|polite|concise|assistant", said)


def test_what_only_one_trace_holds_is_not_told() -> None:
    # A name would be in one trace as this is.
    topics = [[f"{text} sincerely Xanthippe{i}" for text in t] for i, t in enumerate(TOPICS)]
    topics[0] = [f"{ORDERS[0]} for Melchior Ödipus", *ORDERS[1:]]
    assert not re.search("melchior|ödipus", everything(topics))


def test_what_only_one_user_says_is_not_told() -> None:
    texts, groups = flat([[f"{text} for melchior" for text in ORDERS], REFUNDS])
    own = ["u1"] * 4 + ["u2", "u3", "u4", ""]
    names = keyword_names(texts, groups, owners=own)
    assert "melchior" not in " ".join([names[0].title, *names[0].keywords])
    assert "melchior" in " ".join(keyword_names(texts, groups)[0].keywords)


INVOICES = [
    "The invoices of march are missing",
    "Export the invoices as a table, not as a picture",
    "Why do invoices have no number? I export the table every week",
    "I cannot export my invoices",
]


def test_plain_words_of_a_single_user_are_told() -> None:
    """As where users are companies, each with its own cluster."""
    invoices = [f"{text}, says melchior of Xanthippe and id4711" for text in INVOICES]
    texts, groups = flat([invoices, ORDERS])
    names = keyword_names(texts, groups, owners=["u1"] * 4 + ["u2"] * 4)
    told = " ".join([names[0].title, *names[0].keywords]).casefold()
    assert "invoice" in told
    assert "export" in told
    assert not re.search("melchior|xanthippe|4711", told)
    assert names[0].description.startswith("4 traces of a single user, mostly about ")


@pytest.mark.parametrize(
    ("topic", "owner", "title", "told"),
    [
        (["Krk brm", "Brm krk!"], "u1", "Requests of a single user", "2 traces of a single user; "),
        (["Krk brm", "krk brm"], "u1", "Requests of a single user", "2 traces of a single user; "),
        (["Krk"] * 3, "u1", "The same text repeated", "3 traces of a single user with the same te"),
        (["Krk"], "u1", "A single trace", "1 trace; "),
        (
            ["Krk", "brm"],
            "",
            "Mixed requests without shared words",
            "2 traces with nothing that se",
        ),
    ],
)
def test_where_no_word_may_be_told_what_is_true_is_said(
    topic: list[str], owner: str, title: str, told: str
) -> None:
    texts, groups = flat([topic, ORDERS, REFUNDS])
    owners = [owner] * len(topic) + [f"o{i}" for i in range(8)]
    name = keyword_names(texts, groups, owners=owners)[0]
    assert name.title == title
    assert name.description.startswith(told)


def test_names_of_few_are_not_told_even_where_they_recur() -> None:
    texts = [
        "Please book a seat for Mia Kowalski",
        "A seat beside Mia Kowalski",
        "Seat in the front",
    ]
    assert "kowalski" not in everything([texts, ORDERS])


@pytest.mark.parametrize(
    "secret",
    [
        "ada@example.com",
        "4111 1111 1111 1111",
        "+41 79 123 45 67",
        "ghp_16C7e42F292c6912E7710c838347",
    ],
)
def test_secrets_are_told_nowhere(secret: str) -> None:
    names = keyword_names(
        *flat([[f"{secret} {text}, mine is {secret}" for text in ORDERS], REFUNDS])
    )
    for name in names.values():
        assert secret not in " ".join([name.title, name.description, *name.keywords])


def test_children_are_told_apart_and_differ_from_their_parent() -> None:
    lost, blocked = ["My card is lost", "I lost my card"] * 3, ["My card is blocked"] * 6
    texts = [*lost, *blocked, *ORDERS]
    groups = [
        NamedGroup(0, None, 0, 0, range(12)),
        NamedGroup(1, None, 0, 1, range(12, 16)),
        NamedGroup(2, 0, 1, 1, range(6)),
        NamedGroup(3, 0, 1, 1, range(6, 12)),
    ]
    named = {i: name.title.casefold() for i, name in keyword_names(texts, groups).items()}
    assert len(set(named.values())) == 4
    assert "lost" in named[2]
    assert "blocked" in named[3]


def test_groups_of_the_same_texts_have_different_titles() -> None:
    named = titles([ORDERS, ORDERS, ORDERS, REFUNDS])
    assert len(set(named)) == 4


@pytest.mark.parametrize(
    ("topic", "title"),
    [
        ([NO_TEXT, "", "  "], "Traces without any text"),
        (["🎉🎉", "👍", "🎉"], "Mixed requests without shared words"),
        (["alpha", "beta", "gamma"], "Mixed requests without shared words"),
    ],
)
def test_where_there_is_nothing_to_tell_the_title_says_so(topic: list[str], title: str) -> None:
    assert titles([topic, ORDERS, REFUNDS])[0] == title


def test_texts_that_are_all_alike_are_mixed_requests_about_what_they_share() -> None:
    texts = ["Cancel the order", "Cancel my order"] * 4
    groups = [NamedGroup(0, None, 0, 0, range(0, 8, 2)), NamedGroup(1, None, 0, 0, range(1, 8, 2))]
    named = [name.title for name in keyword_names(texts, groups).values()]
    assert all("ancel" in title and "order" in title for title in named)
    assert len(set(named)) == 2


@pytest.mark.parametrize(
    ("topic", "telling"),
    [
        (["我的信用卡丢失了，怎么办？", "信用卡丢失怎么挂失", "信用卡丢失了"], "信用卡丢失"),
        (["カードを紛失しました", "カードを紛失した", "カードを紛失した場合"], "カードを紛失"),
        (
            ["No recuerdo la contraseña", "¿Cómo cambio la contraseña?", "La contraseña"],
            "ontraseña",
        ),
        (["मेरा कार्ड खो गया है", "कार्ड खो गया, क्या करूँ?", "कार्ड खो गया"], "कार्ड खो गया"),
        (["Wo ist die Überweisung?", "Die Überweisung fehlt", "Überweisung fehlt"], "Überweisung"),
    ],
)
def test_other_languages_and_scripts_have_titles(topic: list[str], telling: str) -> None:
    title = titles([topic, ORDERS, REFUNDS])[0]
    assert telling in title
    assert count_words(title) >= 3


CHINESE = [
    *("我忘记密码了怎么办", "密码忘记了，怎么重置密码？", "我的登录密码不对，无法登录"),
    *("修改密码后还是登录不了", "重置密码的邮件没有收到", "登录密码输入错误太多次"),
]
JAPANESE = [
    *("パスワードを忘れました", "パスワードを再設定したい", "パスワードの再設定メールが届きません"),
    *("ログインできません、パスワードが違います", "再設定用のメールが届かない"),
    *("パスワードを忘れたのでログインできない", "新しいパスワードを登録できません"),
]
THAI = [
    *("ลืมรหัสผ่านเข้าสู่ระบบ", "ฉันลืมรหัสผ่าน", "รีเซ็ตรหัสผ่านอย่างไร"),
    *("เปลี่ยนรหัสผ่านไม่ได้", "รหัสผ่านไม่ถูกต้อง"),
]
CARDS = ["カードを紛失しました", "カードの再発行をお願いします", "紛失したカードの再発行はいくら"]


@pytest.mark.parametrize(
    ("topic", "some", "others"),
    [
        (CHINESE, {"密码", "忘记"}, {"登录", "登录密码", "重置", "重置密码"}),
        (JAPANESE, {"パスワード", "再設定", "ログイン"}, {"メール", "忘れ"}),
        (CARDS, {"カード", "再発行", "紛失"}, {"お願い"}),
    ],
)
def test_keywords_without_spaces_are_whole(
    topic: list[str], some: set[str], others: set[str]
) -> None:
    for topics in ([topic, ORDERS, REFUNDS], [topic, THAI, ORDERS]):
        name = keyword_names(*flat(topics))[0]
        assert some <= set(name.keywords) <= some | others
        assert "、".join(name.keywords[:3]) in name.description


def test_nothing_begins_with_a_mark_of_the_character_before() -> None:
    unique = ["ผู้รหัสผ่าน", "กีรหัสผ่าน", "สุรหัสผ่าน", *THAI]
    for name in keyword_names(*flat([THAI, unique, ORDERS])).values():
        for text in (name.title, *name.keywords):
            assert not unicodedata.category(text[0]).startswith("M")
    assert "รหัสผ่าน" in keyword_names(*flat([THAI, ORDERS]))[0].keywords


def test_lists_are_written_as_their_parts_are() -> None:
    assert listed(["密码", "登录", "忘记"], " and ") == "密码、登录、忘记"
    assert listed(["密码、登录", "忘记"]) == "密码、登录、忘记"
    assert listed(["密码", "login", "忘记"], " and ") == "密码, login and 忘记"
    assert listed(["รหัสผ่าน", "บัตร"]) == "รหัสผ่าน, บัตร"
    assert (listed(["card"], " and "), listed([])) == ("card", "")
    assert count_words("密码: 登录、忘记") == 3


def test_the_order_of_texts_and_groups_does_not_matter() -> None:
    texts, groups = flat(TOPICS)
    order = list(range(len(texts)))
    random.Random(3).shuffle(order)
    moved = [
        NamedGroup(g.group_id, None, 0, 0, [order.index(row) for row in g.rows]) for g in groups
    ]
    shuffled = [texts[i] for i in order]
    assert keyword_names(shuffled, moved[::-1]) == keyword_names(texts, groups)


def test_nothing_is_named_without_groups() -> None:
    assert keyword_names([], []) == {}


def test_a_group_without_texts_has_a_title_too() -> None:
    assert keyword_names(["a b c"], [NamedGroup(0, None, 0, 0, [])])[0].title


WORDS = st.sampled_from(
    [
        *["the", "card", "is", "not", "lost", "my", "I", "please", ".", ",", "?", "cards", "Mia"],
        "信用卡丢失",
        "l’eau",
        "🎉",
        "7",
        "\n",
    ]
)
TEXTS = st.lists(
    st.one_of(st.lists(WORDS, max_size=9).map(" ".join), st.text()), min_size=1, max_size=9
)


@settings(max_examples=60)
@given(TEXTS, st.randoms(use_true_random=False))
def test_any_texts_have_whole_and_different_titles(texts: list[str], rng: random.Random) -> None:
    labels = [rng.randrange(3) for _ in texts]
    rows = [[row for row, label in enumerate(labels) if label == each] for each in range(3)]
    groups = [NamedGroup(i, None, 0, 0, members) for i, members in enumerate(rows) if members]
    named = [name.title for name in keyword_names(texts, groups).values()]
    assert len({title.casefold() for title in named}) == len(named)
    assert all(3 <= count_words(title) <= 8 for title in named)


def test_links_and_tags_are_no_words() -> None:
    parcels = [
        f"<p class='a{i}'>Where is my parcel? https://shop.example/track/{i}</p>" for i in range(12)
    ]
    refunds = [f"<a href='/x/{i}'>I want a refund of my order</a>" for i in range(12)]
    groups = [
        NamedGroup(0, None, 0, 0, list(range(12))),
        NamedGroup(1, None, 0, 0, list(range(12, 24))),
    ]
    named = keyword_names(parcels + refunds, groups)
    assert "parcel" in named[0].title.casefold()
    assert "refund" in named[1].title.casefold()
    words = {word for name in named.values() for word in name.keywords}
    assert not words & {"https", "http", "href", "class", "shop", "example", "track", "a", "p"}

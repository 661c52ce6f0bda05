"""Fern & Kettle: the assistant of an online shop for the home."""

from trace_clustering.traces.demo.model import Call, Intent, Product, Question
from trace_clustering.traces.demo.shop_orders import ORDER_INTENTS

_ADVICE = Intent(
    name="advice/which product",
    weight=12,
    failure_rate=0.02,
    asks=(
        "Which {item} would you recommend for a small kitchen?",
        Question(
            "What is the difference between the {series} and the {other_series} {item}?",
            "The {series} {item} is lighter; the {other_series} one keeps the heat longer.",
        ),
        Question(
            "is the {series} {item} dishwasher safe and does it work on induction",
            "The {series} {item} is dishwasher safe and works on induction.",
        ),
        Question(
            "I'm looking for a birthday present for a friend who loves cooking, about {price}.",
            "A {series} {item} in {color} makes a good present; it costs {price}.",
        ),
        Question(
            "Do you have the {item} in {color}, and what are its measurements?",
            "Yes, the {item} comes in {color}; it is 28 cm wide and 14 cm high.",
        ),
        Question(
            "Is the {series} {item} in stock again soon?",
            "Yes, the {series} {item} is back in stock; there are 12 left.",
        ),
    ),
    question="Happy to help you choose. What matters most to you: size, material or price?",
    details=(
        "It should be {color}, easy to clean and not too heavy.",
        "The size: it has to fit a narrow shelf. I cook on induction.",
    ),
    calls=(
        Call(
            "search_products",
            {"query": "{series} {item}", "color": "{color}"},
            [{"name": "{series} {item}", "price": "{price}", "stock": 12}],
        ),
    ),
    answers=(
        "The {series} {item} is the lighter one and dishwasher safe; it costs {price}.",
        "I'd take the {series} {item} in {color}: it works on induction and is in stock.",
    ),
    follow_ups=(
        ("Which material is it made of?", "Enamelled steel with a beech handle."),
        ("Is there a bigger size?", "Yes, there is one size larger for 15 EUR more."),
    ),
)


_ACCOUNT = Intent(
    name="account/login",
    weight=10,
    failure_rate=0.24,
    asks=(
        "I can't log in to my account, the password reset mail never arrives.",
        Question(
            "How do I change the email address of my customer account?",
            "I have sent a link to your new address; your account uses it once you click the link.",
        ),
        "login does not work, it says my account is locked",
        Question(
            "Please delete my account and all my data.",
            "Your account is marked for deletion and all data will be gone in 30 days.",
        ),
        "I forgot my password and the reset link has expired.",
        Question(
            "I have two accounts with different email addresses, can you merge them?",
            "I have merged both accounts; please log in with {email}.",
        ),
        "The verification code for signing in is not accepted.",
    ),
    question="I can help with your account. Which email address did you sign up with?",
    details=("{email}, I last logged in in summer", "My account email is {email}."),
    calls=(
        Call(
            "find_account",
            {"email": "{email}"},
            {"account": "{account}", "state": "locked"},
            "Error: account service unavailable (503)",
        ),
        Call("send_password_reset", {"email": "{email}"}, {"sent": True}, "Error: mail bounced"),
    ),
    answers=("I have unlocked your account and sent a new password reset mail.",),
    follow_ups=(
        ("The reset mail is not in my spam folder either.", "I have sent it once more."),
        ("Is two-factor login possible?", "Yes, in your account under Security."),
    ),
)

_VOUCHER = Intent(
    name="vouchers/discount code",
    weight=9,
    failure_rate=0.08,
    asks=(
        "The discount code {voucher} does not work at the checkout.",
        Question(
            "Can I use two vouchers in one order?",
            "Only one voucher per order, I am afraid.",
            tools=0,
        ),
        Question(
            "is there a black friday sale or a promo code this week",
            "Yes, the code {voucher} gives 10% off everything until Sunday.",
            tools=0,
        ),
        Question(
            "My gift card shows a balance of zero but I never used it.",
            "The gift card was used on an order last month. I have sent you the details.",
        ),
        Question(
            "I forgot to enter my voucher {voucher}, can you take the discount off afterwards?",
            "I have taken the 10% voucher discount off your order.",
        ),
        Question(
            "I subscribed to the newsletter and never got the 10% welcome coupon.",
            "Here is your welcome coupon: {voucher}, 10% off.",
            tools=0,
        ),
    ),
    question="Let me look at the code. What is in your basket?",
    details=("A {series} {item}, the code is {voucher}.", "{voucher}, basket of about {price}"),
    calls=(
        Call(
            "check_voucher",
            {"code": "{voucher}"},
            {"code": "{voucher}", "discount": "10%", "minimum": "50 EUR", "valid": True},
            "Error: voucher {voucher} unknown",
        ),
    ),
    answers=("The code {voucher} is valid from 50 EUR on, and not for sale items.",),
    follow_ups=(
        ("Until when is the voucher valid?", "The code is valid until the end of the month."),
        ("Does it work on sale items?", "No, discount codes do not apply to sale items."),
    ),
)

_RECALL = Intent(
    name="recall/kettle (new)",
    weight=6,
    failure_rate=0.3,
    last_days=3,
    asks=(
        "I read about the recall of the Aria kettle. Is my kettle affected?",
        "My Aria electric kettle is on the safety recall list, how do I get my money back?",
        Question(
            "is it still safe to use the aria kettle, the news says fire hazard",
            "Please do not use it: the Aria kettle is recalled because of a fire hazard. "
            "You get a full refund.",
            tools=0,
        ),
        "The serial number of my kettle is {serial}. Does the product recall apply to it?",
        Question(
            "Got your mail about the kettle recall. Do I need the receipt for the refund?",
            "No, you need no receipt; the serial number on the kettle is enough for the refund.",
            tools=0,
        ),
        "The base of my Aria kettle got hot and smells burnt, is this the recall problem?",
    ),
    question="Please stop using the kettle. What is the serial number on its base?",
    details=(
        "The serial number on the kettle is {serial}.",
        "{serial}, it is the Aria kettle from last spring, is it part of the recall?",
    ),
    calls=(
        Call(
            "check_recall",
            {"product": "Aria kettle", "serial": "{serial}"},
            {"serial": "{serial}", "affected": True, "remedy": "refund"},
            "Error: recall service not configured for serial prefix AK",
        ),
    ),
    answers=(
        "Kettle {serial} is affected by the recall. Please unplug it; we refund the full price.",
        "Your Aria kettle is part of the safety recall. You need no receipt for the refund.",
    ),
    follow_ups=(
        ("Where do I bring the recalled kettle?", "You may bring it to any shop, or bin it."),
        ("Are other kettles recalled too?", "No, the recall is only for the Aria kettle."),
    ),
)

SHOP = Product(
    slug="fern",
    system=(
        "You are the shopping assistant of Fern & Kettle, an online shop for kitchen and home. "
        "Be warm and brief. Look orders up before you answer. Refunds above 200 EUR need a "
        "person. Never ask for card numbers."
    ),
    traces=1_300,
    models={"gpt-4o-mini": 0.6, "gemini-2.5-flash": 0.3, "gpt-4o": 0.1},
    intents=(*ORDER_INTENTS, _ADVICE, _ACCOUNT, _VOUCHER, _RECALL),
    slots={
        "order": ("4~~~~~~", "5~~~~~~"),
        "item": (
            "frying pan",
            "teapot",
            "bread knife",
            "casserole",
            "salad bowl",
            "coffee grinder",
        ),
        "series": ("Nordic", "Classic", "Alba"),
        "other_series": ("Rustic", "Pro", "Terra"),
        "color": ("green", "dark blue", "white", "terracotta"),
        "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
        "few": ("two", "three", "four", "five"),
        "carrier": ("DHL", "UPS", "DPD"),
        "city": ("Hamburg", "Utrecht", "Lyon", "Graz", "Ghent"),
        "price": ("~9 EUR", "1~9 EUR", "4~.90 EUR"),
        "payment": ("credit card", "PayPal", "debit card"),
        "email": ("j.~~~~@example.com", "mia~~@example.org"),
        "voucher": ("FERN1~", "HELLO~~", "AUTUMN~~"),
        "serial": ("AK-~~~~~~",),
        "account": ("C~~~~~~",),
    },
    openers=("Hi,", "Hello,", "Hi there,", "Good evening,", "Hey", "Dear Fern & Kettle team,"),
    asides=(
        "I have been a customer for years.",
        "It was meant as a present.",
        "Please answer soon.",
        "I already wrote to you twice.",
    ),
    apologies=(
        "I'm sorry, this did not work because of a technical problem. A colleague will write to "
        "you today.",
        "Unfortunately the system does not let me do this. I have opened a ticket for you.",
    ),
    around_the_clock=True,
)

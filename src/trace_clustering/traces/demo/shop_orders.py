"""Fern & Kettle, first half: what happens to an order."""

from trace_clustering.traces.demo.model import Call, Intent, Question

_ORDER = Call(
    "get_order",
    {"order_id": "{order}"},
    {"order_id": "{order}", "item": "{item}", "total": "{price}", "status": "shipped"},
    "Error: order {order} not found",
)


_WHERE = Intent(
    name="delivery/where is my order",
    weight=15,
    failure_rate=0.12,
    asks=(
        "Where is my order {order}? It should have been delivered on {day}.",
        "The tracking has not moved for {few} days. Is my parcel lost?",
        "order {order} says delivered but i never got the package",
        "When will my {item} be delivered? The tracking link does not work.",
        "My parcel was left with a neighbour I don't know, {carrier} gave no name.",
        Question(
            "Can you change the delivery address of order {order} before the parcel ships?",
            "The parcel has not left yet, so I have changed the delivery address.",
        ),
        Question(
            "How long does shipping to {city} take?",
            "Shipping to {city} takes two to three working days with {carrier}.",
            tools=0,
        ),
    ),
    question="Let me check the parcel. What is your order number?",
    details=(
        "Order {order}, shipped with {carrier}.",
        "{order}. The tracking says it is still in the depot in {city}.",
    ),
    calls=(
        _ORDER,
        Call(
            "track_parcel",
            {"order_id": "{order}", "carrier": "{carrier}"},
            {"carrier": "{carrier}", "status": "in transit", "depot": "{city}"},
            "Error: {carrier} tracking API returned 502",
        ),
    ),
    answers=(
        "Your parcel is at the {carrier} depot in {city} and will be delivered on {day}.",
        "{carrier} reports the parcel in transit; delivery is expected on {day}.",
    ),
    follow_ups=(
        (
            "And if the parcel does not arrive by then?",
            "Then we send a new one or refund it, as you prefer.",
        ),
        (
            "Can {carrier} deliver it to a pickup point instead?",
            "Yes, I have redirected the parcel to the pickup point near you.",
        ),
    ),
)


_RETURN = Intent(
    name="returns/send back",
    weight=12,
    failure_rate=0.05,
    asks=(
        "I want to return the {item}, it does not fit in my kitchen.",
        "How do I send an item back? I need a return label for order {order}.",
        Question(
            "can i return something after {few} weeks if the box is open",
            "You have 30 days to return things, and an opened box is fine as long as they "
            "are unused.",
            tools=0,
        ),
        Question(
            "Do I have to pay the postage for a return?",
            "No, returns are free; we send you a label.",
            tools=0,
        ),
        Question(
            "I'd like to exchange the {item} for one in {color}.",
            "I have reserved a {item} in {color}; send the old one back with the label RT-{order}.",
            tools=2,
        ),
        "The return label in your mail can't be printed, please send me a new return label.",
    ),
    question="No problem. Which order is it, and why do you return it?",
    details=(
        "{order}, the {item}. I don't like the colour, I want to send it back.",
        "Order {order}, unused and in its box, returning it because it's too big.",
    ),
    calls=(
        _ORDER,
        Call(
            "create_return_label",
            {"order_id": "{order}", "item": "{item}"},
            {"label": "RT-{order}", "valid_days": 14},
            "Error: return window closed",
        ),
    ),
    answers=(
        "Here is your return label RT-{order}. Drop the parcel at any {carrier} shop within 14 "
        "days.",
        "You can return the {item} free of charge; the label is in your mail.",
    ),
    follow_ups=(
        ("Can I return it in a shop?", "Yes, any of our shops takes returns."),
        ("Do I need the original box?", "Any sturdy box will do for the return."),
    ),
)


_REFUND = Intent(
    name="payment/refund and charges",
    weight=11,
    failure_rate=0.18,
    asks=(
        "I sent the {item} back two weeks ago and the refund is not on my account yet.",
        "I was charged twice for order {order}, please refund one payment.",
        "my card was declined but the money was taken from my bank account",
        Question(
            "The invoice of order {order} shows {price} but I paid more. Why?",
            "The difference is the shipping of 5.90 EUR, which is on a second invoice.",
            tools=2,
        ),
        Question(
            "Can I pay by instalments or on invoice?",
            "You can pay on invoice within 30 days, or in three instalments from 100 EUR on.",
            tools=0,
        ),
        "You refunded only part of the amount I paid with {payment}.",
        Question(
            "Please send me an invoice with VAT for order {order}.",
            "The invoice with VAT for order {order} is in your mail.",
        ),
    ),
    question="I'll check the payment. Which order is it, and how did you pay?",
    details=("{order}, paid with {payment}", "Order {order}, {price}, charged to my {payment}."),
    calls=(
        _ORDER,
        Call(
            "get_payments",
            {"order_id": "{order}"},
            {"payments": [{"method": "{payment}", "amount": "{price}", "status": "captured"}]},
        ),
        Call(
            "refund_payment",
            {"order_id": "{order}", "amount": "{price}"},
            {"status": "refunded"},
            "Error: refund rejected by payment provider: already disputed",
        ),
    ),
    answers=("I have refunded {price} to your {payment}; the bank needs three to five days.",),
    follow_ups=(
        ("Which account is the refund paid to?", "To the {payment} you paid with."),
        ("Can I have it as a gift card?", "Yes, a gift card arrives at once."),
    ),
)


_BROKEN = Intent(
    name="complaint/damaged or wrong item",
    weight=10,
    failure_rate=0.1,
    asks=(
        "The {item} arrived broken, there are shards in the box.",
        "You sent me the wrong item: I ordered the {item} in {color} and got another one.",
        "one part is missing in my box, the lid of the {item} is not there",
        Question(
            "The handle of my {item} came off after {few} weeks. Is that covered by the warranty?",
            "Yes, the warranty covers this for three years. A new {item} is on its way.",
            tools=2,
        ),
        "My {item} has a crack and a scratch, I want a replacement.",
        "This is the second time you send me a damaged {item}. I am really disappointed.",
    ),
    question="I'm sorry about that. Could you send the order number and a photo of the damage?",
    details=(
        "{order}, the photo shows the crack in the {item}.",
        "Order {order}. The {item} is broken, the box was damaged too.",
    ),
    calls=(
        _ORDER,
        Call(
            "create_replacement",
            {"order_id": "{order}", "item": "{item}", "reason": "damaged"},
            {"replacement_order": "9{order}", "ships": "{day}"},
            "Error: item out of stock",
        ),
    ),
    answers=(
        "A replacement {item} leaves our warehouse on {day}; keep the broken one.",
        "I'm sorry about the {item}. A new one is sent free of charge on {day}.",
    ),
    follow_ups=(
        ("Do I have to send the broken one back?", "No, please throw the broken one away safely."),
        ("I'd rather have a discount and keep it.", "I can offer 30% off the damaged item."),
    ),
)

ORDER_INTENTS = (_WHERE, _RETURN, _REFUND, _BROKEN)

"""Skylark Airways, first half: booking, changing and cancelling flights."""

from trace_clustering.traces.demo.model import Call, Intent, Question

GET_BOOKING = Call(
    "get_booking",
    {"booking_code": "{code}"},
    {
        "booking_code": "{code}",
        "route": "{origin} - {destination}",
        "date": "{iso_date}",
        "flight": "{flight}",
        "fare": "{fare}",
    },
    "Error: booking {code} not found",
)

_CHANGE_DATE = Intent(
    name="change/date",
    weight=11,
    failure_rate=0.05,
    asks=(
        "I need to change my flight to {destination} from {day} to {other_day}. Is that possible?",
        "Can I move my booking {code} to a later date? Something around {date} would work.",
        "my meeting got moved so I have to rebook the flight from {origin} to {destination} to "
        "{other_day}",
        Question(
            "How much is it to change the date of a {fare} ticket? I want to fly on {date} "
            "instead.",
            "A {fare} ticket can be changed once, for the fare difference; on {date} that "
            "is {amount}.",
            tools=2,
        ),
        "Please reschedule my {origin} to {destination} flight to {date}.",
        "I picked the wrong date when booking, can you change the flight to {other_day}?",
        "Is there an earlier flight to {destination} on {day} that I could switch to?",
    ),
    question="I can look into that. What is your booking code, and which date do you prefer?",
    details=(
        "The booking is {code}. {other_day} morning is best, evening works too.",
        "{code}, and I would like to fly on {date}",
        "Booking code {code}. Any flight on {other_day} as long as it's direct.",
    ),
    calls=(
        GET_BOOKING,
        Call(
            "search_flights",
            {"origin": "{origin}", "destination": "{destination}", "date": "{iso_date}"},
            [{"flight": "{flight}", "departs": "{time}", "seats": 14, "fare_difference": 48}],
        ),
        Call(
            "change_flight",
            {"booking_code": "{code}", "flight": "{flight}", "date": "{iso_date}"},
            {"status": "changed", "charged": "{amount}"},
            "Error: fare class is not changeable",
        ),
    ),
    answers=(
        "Your flight to {destination} is now {flight} on {date} at {time}. The fare difference "
        "was {amount}.",
        "Done: booking {code} has been moved to {date}, departing {time}. You will get a new "
        "confirmation by mail.",
    ),
    follow_ups=(
        (
            "Is there a change fee on top of the fare difference?",
            "No, a {fare} ticket can be changed once without a fee.",
        ),
        (
            "And can you move the return flight by one day as well?",
            "Yes, the return flight now leaves one day later, at the same fare.",
        ),
        (
            "What about a flight later that evening?",
            "There is one at 20:40 with seats left, for the same fare.",
        ),
    ),
)

_CHANGE_NAME = Intent(
    name="change/passenger name",
    weight=4,
    failure_rate=0.16,
    asks=(
        "There is a typo in the passenger name on my ticket, it should read {person}.",
        "I booked under my maiden name but my passport says {person}. Can you correct the name "
        "on the booking?",
        "how do i fix a misspelled name on my boarding documents, booking {code}",
        Question(
            "Can I transfer my ticket to another passenger? {person} would fly instead of me.",
            "A ticket cannot be passed on to another person, I'm afraid. Only spelling "
            "mistakes in a name can be corrected.",
        ),
        "The first name and last name are swapped on my reservation, please correct the name.",
    ),
    question="Could you give me the booking code and the name exactly as in the passport?",
    details=(
        "{code}, the name in the passport is {person}.",
        "It's {person}, booking {code}. Only the spelling of the last name is wrong.",
    ),
    calls=(
        GET_BOOKING,
        Call(
            "correct_passenger_name",
            {"booking_code": "{code}", "name": "{person}"},
            {"status": "corrected"},
            "Error: name change exceeds 3 characters, manual review required",
        ),
    ),
    answers=(
        "The passenger name on booking {code} now reads {person}.",
        "I have corrected the spelling of the name; a new ticket is on its way to you.",
    ),
    follow_ups=(
        ("Will the passport check at the gate be fine?", "Yes, the name now matches."),
        ("Do I have to pay for a name correction?", "Small spelling corrections are free."),
    ),
)

_REFUND = Intent(
    name="refund/cancel booking",
    weight=12,
    failure_rate=0.07,
    asks=(
        "I want to cancel my booking {code} and get my money back.",
        "Can I get a refund for a {fare} ticket to {destination}? I can't travel because I'm ill.",
        "please cancel my flight on {day} and refund it to my credit card",
        Question(
            "I cancelled two weeks ago and the refund has not arrived on my card. Where is it?",
            "The refund of {amount} for booking {code} is on its way to your card; the bank"
            " needs up to 7 days.",
            tools=2,
        ),
        Question(
            "How long does a refund take? I cancelled booking {code} last {day}.",
            "A refund takes up to 7 days. Yours, {amount} for booking {code}, went out yesterday.",
            tools=2,
        ),
        "My trip fell through. Cancel both tickets and tell me how much is refunded.",
        Question(
            "Do I get the taxes refunded if I cancel a non-refundable ticket?",
            "Yes, the taxes of {amount} are refunded even if the ticket itself is not refundable.",
            tools=2,
        ),
    ),
    question="I'm sorry to hear that. May I have the booking code and the reason?",
    details=(
        "{code}. A family emergency, I have a doctor's note if that helps the refund.",
        "It's {code}, plans changed, so I just want to cancel and be refunded.",
        "Booking code {code}, paid by credit card for {amount}.",
    ),
    calls=(
        GET_BOOKING,
        Call(
            "quote_refund",
            {"booking_code": "{code}"},
            {"refundable": "{amount}", "method": "original payment"},
        ),
        Call(
            "cancel_booking",
            {"booking_code": "{code}", "reason": "customer request"},
            {"status": "cancelled", "refund": "{amount}"},
            "Error: payment provider rejected the refund (code 51)",
        ),
    ),
    answers=(
        "Booking {code} is cancelled. {amount} will be refunded to your card within 7 days.",
        "I have cancelled the booking. Your refund of {amount} goes back to the card you paid "
        "with.",
    ),
    follow_ups=(
        (
            "Can I have the refund as a voucher instead?",
            "Yes, a travel voucher is worth 10% more than the refund to your card.",
        ),
        (
            "Why is the refund less than what I paid?",
            "The fare rules keep a cancellation fee; taxes are refunded in full.",
        ),
        ("When will the money be on my account?", "Usually within five to seven working days."),
    ),
)

_BOOK = Intent(
    name="booking/new flight",
    weight=10,
    failure_rate=0.05,
    asks=(
        Question(
            "I'm looking for a cheap flight from {origin} to {destination} in {month}.",
            "The cheapest one is {flight} on {date} at {time} for {amount} each way.",
        ),
        "Book me a one way ticket from {origin} to {destination} on {date}, please.",
        Question(
            "what flights do you have to {destination} on {day} for {few} adults and one child",
            "On {day} there is {flight} at {time} for {amount} a person; a child pays 25% less.",
        ),
        Question(
            "Is there a direct flight between {origin} and {destination}?",
            "Yes, {flight} flies direct from {origin} to {destination} every day at {time}.",
        ),
        "Find the cheapest return ticket to {destination}, leaving {date}, for two people.",
        Question(
            "We want to spend a week in {destination} in {month}. Which flights are the cheapest?",
            "In {month} the cheapest week starts on {date}: {amount} each way with {flight}.",
        ),
    ),
    question="With pleasure. When would you like to leave, and how many people are travelling?",
    details=(
        "Leaving {date}, {few} adults, economy, only direct flights.",
        "On {date}, just me, the cheapest fare without a checked bag.",
    ),
    calls=(
        Call(
            "search_flights",
            {"origin": "{origin}", "destination": "{destination}", "date": "{iso_date}"},
            [
                {"flight": "{flight}", "departs": "{time}", "price": "{amount}", "stops": 0},
                {"flight": "SK118", "departs": "21:05", "price": "98 EUR", "stops": 1},
            ],
        ),
        Call(
            "create_booking",
            {"flight": "{flight}", "date": "{iso_date}", "passengers": 2},
            {"booking_code": "{code}", "total": "{amount}"},
            "Error: payment declined by issuer",
        ),
    ),
    answers=(
        "You are booked on {flight} to {destination}, {date} at {time}. Your code is {code}.",
    ),
    follow_ups=(
        (
            "Is there a cheaper flight a day earlier?",
            "The day before it is 20 EUR cheaper, with one stop.",
        ),
        ("Can I hold the price until tomorrow?", "I can hold this fare for 24 hours for 5 EUR."),
    ),
)

_STRIKE = Intent(
    name="strike/rebooking (new)",
    weight=6,
    failure_rate=0.35,
    last_days=3,
    asks=(
        Question(
            "There is a strike of the ground staff in {origin}. Is my flight {flight} still going?",
            "Flight {flight} is cancelled because of the strike. You can rebook free of charge.",
        ),
        Question(
            "My flight was cancelled because of the strike. What are my rights, do I get "
            "compensation?",
            "You may rebook or have the ticket refunded. Whether compensation is due for a "
            "strike is judged case by case; I cannot promise it.",
        ),
        "the strike cancelled our flight and the hotline is dead, please put us on another one",
        Question(
            "Will the airport strike on {day} affect flights from {origin} to {destination}?",
            "Yes, the strike in {origin} affects most flights on {day}. {flight} is cancelled.",
        ),
        Question(
            "We are stranded in {origin} because of the strike. Does Skylark pay the hotel?",
            "We pay for a hotel up to 120 EUR a night while the strike lasts. Please keep "
            "the receipt.",
        ),
        "Can I rebook for free because of the strike announced by the union?",
        Question(
            "Strike chaos in {origin}: can I take the train instead and get the ticket paid?",
            "Yes, take the train and send us the ticket; we refund it up to the price of "
            "your flight.",
        ),
    ),
    question="I'm sorry about the strike. Which booking is affected?",
    details=(
        "{code}, flight {flight}, cancelled because of the strike this morning",
        "Booking {code}. We are {few} people stuck at the airport in {origin} by the strike.",
    ),
    calls=(
        Call(
            "get_flight_status",
            {"flight": "{flight}", "date": "{iso_date}"},
            {"flight": "{flight}", "status": "cancelled", "cause": "industrial action"},
        ),
        Call(
            "rebook_disrupted",
            {"booking_code": "{code}"},
            {"status": "rebooked", "date": "{iso_date}"},
            "Error: no seats left on alternative flights before the strike ends",
        ),
    ),
    answers=(
        "Flight {flight} is cancelled because of the strike. I have rebooked you for free to "
        "{date}.",
        "You are rebooked on {date}, free of charge because of the strike. Your code stays {code}.",
    ),
    follow_ups=(
        (
            "And who pays for the hotel during the strike?",
            "We pay for the hotel up to 120 EUR a night while the strike lasts.",
        ),
        (
            "Is there compensation for a strike?",
            "I cannot promise compensation; a strike is judged case by case.",
        ),
    ),
)

BOOKING_INTENTS = (_CHANGE_DATE, _CHANGE_NAME, _REFUND, _BOOK, _STRIKE)

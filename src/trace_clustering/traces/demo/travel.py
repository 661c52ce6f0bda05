"""Skylark Airways: the customer-service agent of an airline."""

from trace_clustering.traces.demo.model import Call, Intent, Product, Question
from trace_clustering.traces.demo.travel_bookings import BOOKING_INTENTS, GET_BOOKING

_SYSTEM = (
    "You are the service agent of Skylark Airways. Help customers with bookings, changes, "
    "refunds, baggage, check-in and the Skylark Miles programme. Look a booking up before you "
    "speak about it. Confirm every charge with the customer before you make it. Never promise "
    "compensation. Hand over to a person if a request is outside your tools."
)

_BAG_DELAYED = Intent(
    name="baggage/delayed",
    weight=9,
    failure_rate=0.22,
    asks=(
        "My suitcase did not arrive in {destination}. Where is my luggage?",
        "My bag is lost, it was not on the belt after flight {flight}. How do I report it?",
        "it's been {few} days and still no news about my delayed baggage, tag {tag}",
        "Can you trace my missing suitcase? Baggage tag {tag}, {bag}.",
        Question(
            "My checked bag arrived damaged, the wheel and the handle are broken. Who pays "
            "for that?",
            "We pay for the repair. Please send photos of the damage with tag {tag} within 7 days.",
            tools=0,
        ),
        "Your staff in {origin} left my luggage behind. When will the suitcase be delivered?",
    ),
    question="I'm sorry. Could you give me the baggage tag number and describe the suitcase?",
    details=(
        "The tag is {tag}. {bag}, with a sticker on the side.",
        "{tag}, flight {flight} from {origin}. The suitcase is a {bag}.",
    ),
    calls=(
        Call(
            "trace_baggage",
            {"tag": "{tag}"},
            {"tag": "{tag}", "status": "located", "station": "{origin}"},
            "Error: baggage tracing system unavailable (503)",
        ),
        Call(
            "file_baggage_report",
            {"tag": "{tag}", "flight": "{flight}", "description": "{bag}"},
            {"report": "R-{tag}", "delivery": "{date}"},
        ),
    ),
    answers=(
        "Your suitcase was located in {origin} and will be delivered to you by {date}.",
        "I have filed a baggage report for tag {tag}. The bag is still in {origin} and comes with "
        "the next flight.",
    ),
    follow_ups=(
        (
            "Can I buy clothes and toiletries and have them reimbursed?",
            "Yes, keep the receipts; necessary items are reimbursed up to 150 EUR.",
        ),
        (
            "Please deliver the suitcase to my hotel, not to my home.",
            "I have changed the delivery address of your luggage to the hotel.",
        ),
    ),
)

_BAG_ALLOWANCE = Intent(
    name="baggage/allowance",
    weight=8,
    failure_rate=0.02,
    asks=(
        Question(
            "How many bags can I check in with a {fare} ticket, and how heavy may they be?",
            "A {fare} ticket includes one checked bag of 23 kg and one cabin bag of 8 kg.",
        ),
        Question(
            "What size may my carry-on have? My cabin bag is 55 x 40 x 25.",
            "Your bag fits: hand luggage may have 55 x 40 x 25 cm and 8 kg.",
        ),
        "I want to add a second checked bag to booking {code}, what does it cost?",
        Question(
            "is a {item} included in my baggage allowance or do i pay extra",
            "A {item} counts as one piece of checked baggage; as an extra piece it costs 45 EUR.",
        ),
        Question(
            "How much is excess baggage per kilo from {origin} to {destination}?",
            "Excess baggage is charged by the piece, not by the kilo: 45 EUR for up to 23 kg.",
        ),
        Question(
            "Can I bring a {item} on board as hand luggage?",
            "A {item} is too large for the cabin; please check it in as baggage.",
        ),
    ),
    question="Which booking is it for, and how many pieces of luggage do you want to take?",
    details=(
        "{code}, two suitcases of 23 kg each and one {item}",
        "Booking {code}. One checked bag and a small backpack.",
    ),
    calls=(
        Call(
            "get_baggage_rules",
            {"fare": "{fare}"},
            {"checked": 1, "checked_kg": 23, "cabin": 1, "cabin_kg": 8, "extra_bag": 45},
        ),
        Call("add_bag", {"booking_code": "{code}", "pieces": 1}, {"charged": "45 EUR"}),
    ),
    answers=("I have added a checked bag of 23 kg to booking {code} for 45 EUR.",),
    follow_ups=(
        (
            "What happens if the suitcase is heavier than 23 kg?",
            "Up to 32 kg there is a fee of 60 EUR at the airport; heavier bags are not accepted.",
        ),
        ("Is it cheaper to add the bag online?", "Yes, bags cost 15 EUR more at the airport."),
    ),
)

_SEAT = Intent(
    name="check-in/seat",
    weight=9,
    failure_rate=0.06,
    asks=(
        "I'd like a window seat on flight {flight}, can you reserve one?",
        "We are {few} people and our seats are not together. Can you seat us next to each other?",
        "can i get a seat with extra legroom, preferably aisle, on my flight to {destination}",
        Question(
            "How do I choose my seat? The seat map is empty in the app.",
            "The seat map opens 14 days before departure. Until then I can note a "
            "preference for you.",
        ),
        "Please change seat {seat} to something in the front rows.",
        "You moved me from seat {seat} although I paid for it. I want my seat back.",
    ),
    question="Which booking is it, and where in the plane would you like to sit?",
    details=("{code}, the front rows if possible", "Booking {code}. Anything but the last rows."),
    calls=(
        GET_BOOKING,
        Call("get_seat_map", {"flight": "{flight}"}, {"free": ["4A", "5F", "6A", "7C", "14B"]}),
        Call(
            "assign_seat",
            {"booking_code": "{code}", "seat": "{new_seat}"},
            {"seat": "{new_seat}", "charged": "12 EUR"},
            "Error: seat {new_seat} is already taken",
        ),
    ),
    answers=(
        "Seat {new_seat} is now reserved for you on flight {flight}.",
        "I have put you in seat {new_seat}. Your boarding pass shows the new seat.",
    ),
    follow_ups=(
        ("Does the seat cost extra?", "Seats in the front rows are 12 EUR, others are free."),
        ("Can my wife have the seat beside mine?", "Yes, the seat next to yours is reserved too."),
    ),
)

_CHECK_IN = Intent(
    name="check-in/boarding pass",
    weight=8,
    failure_rate=0.14,
    asks=(
        "Online check-in does not work, it says my booking {code} is not valid.",
        "I cannot download my boarding pass in the app. Can you send it by mail?",
        Question(
            "When does online check-in open for flight {flight}?",
            "Online check-in for {flight} opens 30 hours before departure.",
            tools=0,
        ),
        "check in fails every time with an error after i enter the passport number",
        Question(
            "Can I check in at the airport counter or do I need the mobile boarding pass?",
            "Both work. The counter closes 45 minutes before departure.",
            tools=0,
        ),
        "I checked in but got no boarding pass for the connecting flight to {destination}.",
    ),
    question="Let me see. What is the booking code and the last name on it?",
    details=("{code}, last name {lastname}", "Booking {code}, the passenger is {person}."),
    calls=(
        GET_BOOKING,
        Call(
            "check_in",
            {"booking_code": "{code}", "passenger": "{person}"},
            {"status": "checked_in", "boarding_pass": "sent"},
            "Error: travel document data missing, check-in refused",
        ),
    ),
    answers=(
        "You are checked in for {flight}; the boarding pass is in your mail.",
        "Check-in works now. I have mailed you the boarding pass for {flight}.",
    ),
    follow_ups=(
        ("Do I have to print the boarding pass?", "No, the one on your phone is enough."),
        ("By when do I have to be at the gate?", "The gate closes 20 minutes before departure."),
    ),
)

_MILES = Intent(
    name="miles/missing",
    weight=10,
    failure_rate=0.04,
    asks=(
        "My miles for the flight to {destination} are missing in my Skylark Miles account.",
        Question(
            "How many miles do I need to reach gold status?",
            "You have 28,400 status miles; gold needs 35,000 within a calendar year.",
        ),
        "i flew {flight} last month and no points were credited to my frequent flyer account",
        Question(
            "Can I pay for an upgrade with my miles?",
            "Yes, with your 41,250 miles you can upgrade one flight to {destination}; it "
            "takes 20,000.",
        ),
        Question(
            "My miles expire in December. Can I extend them or give them to a family member?",
            "Miles are kept for another year with every flight. They can be given to family"
            " members for a fee.",
            tools=0,
        ),
        "Please add my frequent flyer number {member} to booking {code} so that I earn miles.",
        Question(
            "Why was my status downgraded to silver? I had enough status miles.",
            "Your 28,400 status miles of this year are below the 35,000 that gold needs; "
            "hence silver.",
        ),
    ),
    question="Sure. What is your Skylark Miles number?",
    details=(
        "My member number is {member}.",
        "{member}, the flight with the missing miles was {flight}.",
    ),
    calls=(
        Call(
            "get_member",
            {"member": "{member}"},
            {"member": "{member}", "tier": "silver", "miles": 41250, "status_miles": 28400},
            "Error: member {member} not found",
        ),
        Call("credit_miles", {"member": "{member}", "flight": "{flight}"}, {"credited": 1840}),
    ),
    answers=("I have credited 1,840 miles for {flight}. Your account now holds 43,090 miles.",),
    follow_ups=(
        (
            "Do miles on partner airlines count towards the status?",
            "Yes, status miles on partners count in full.",
        ),
        (
            "How many miles is an upgrade to business class?",
            "An upgrade to {destination} costs 20,000 miles one way.",
        ),
    ),
)

_ASSIST = Intent(
    name="assistance/pets and special needs",
    weight=7,
    failure_rate=0.09,
    asks=(
        "Can I take my {pet} with me in the cabin to {destination}?",
        "My mother needs a wheelchair at the airport, how do I request assistance?",
        "my daughter is 9 and flies alone, do you have a service for unaccompanied children",
        Question(
            "What papers does my {pet} need to fly, and how big may the carrier be?",
            "A {pet} needs a passport with a valid rabies vaccination; the carrier may be "
            "46 x 28 x 24 cm.",
            tools=0,
        ),
        Question(
            "I am {few} months pregnant, may I still fly to {destination}?",
            "You may fly until the end of week 36; from week 28 on please bring a doctor's letter.",
            tools=0,
        ),
        "I travel with an oxygen device and need medical assistance on board.",
    ),
    question="Of course. Which booking is it for?",
    details=("It's booking {code}.", "{code}, flight {flight} on {date}"),
    calls=(
        GET_BOOKING,
        Call(
            "request_assistance",
            {"booking_code": "{code}", "kind": "special service"},
            {"status": "requested", "confirmation_within_h": 24},
            "Error: quota for this flight is used up",
        ),
    ),
    answers=(
        "I have requested the service for flight {flight}; you will get a confirmation within 24 "
        "hours.",
        "That is possible and noted on {code}. Please be at the desk two hours before departure.",
    ),
    follow_ups=(
        ("Does the assistance cost anything?", "Wheelchair assistance is free of charge."),
        (
            "Can the {pet} stay in the carrier under my seat?",
            "Yes, up to 8 kg together with the carrier.",
        ),
    ),
)

TRAVEL = Product(
    slug="skylark",
    system=_SYSTEM,
    traces=1_100,
    models={"gpt-4o": 0.5, "gpt-4o-mini": 0.35, "claude-sonnet-4-5": 0.15},
    intents=(
        *BOOKING_INTENTS,
        _BAG_DELAYED,
        _BAG_ALLOWANCE,
        _SEAT,
        _CHECK_IN,
        _MILES,
        _ASSIST,
    ),
    slots={
        "origin": ("Frankfurt", "Lisbon", "Oslo", "Vienna", "Dublin", "Milan", "Porto"),
        "destination": ("Athens", "Madrid", "Copenhagen", "Rome", "Edinburgh", "Malta", "Nice"),
        "day": ("Monday", "Tuesday", "Wednesday", "Friday"),
        "other_day": ("Thursday", "Saturday", "Sunday"),
        "time": ("07:15", "09:40", "13:25", "17:50", "19:05"),
        "code": ("^^~^^~", "^~^^^~", "^^^~~^"),
        "flight": ("SK~~~", "SK1~~"),
        "fare": ("Light", "Classic", "Flex"),
        "amount": ("~8 EUR", "1~4 EUR", "2~9 EUR"),
        "tag": ("SK~~~~~~", "OS~~~~~~"),
        "bag": ("black hard-shell suitcase", "blue duffel bag", "large red trolley"),
        "few": ("two", "three", "four", "five"),
        "item": ("guitar", "pair of skis", "pushchair", "bicycle", "surfboard", "violin"),
        "seat": ("18B", "23E", "26D", "30B"),
        "new_seat": ("4A", "7C", "5F", "6A"),
        "pet": ("dog", "cat", "small dog", "rabbit"),
        "member": ("~~~ ~~~ ~~~", "SM~~~~~~~"),
        "person": ("Ines Carvalho", "Jonas Brandt", "Aoife Byrne", "Marta Nowak", "Omar Haddad"),
        "lastname": ("Carvalho", "Brandt", "Byrne", "Nowak", "Haddad"),
    },
    openers=("Hi,", "Hello,", "Good morning.", "Hi there!", "Hello Skylark team,", "Hey,"),
    asides=(
        "I already called the hotline and waited 40 minutes.",
        "I fly with you several times a year.",
        "I could not find this on your website.",
        "It is rather urgent.",
    ),
    apologies=(
        "I'm sorry, our system returned an error and I could not finish this. I have passed your "
        "case to a colleague.",
        "Unfortunately that did not go through: the system refuses it. A person will contact you.",
    ),
    around_the_clock=True,
)

"""Larkfield: a pilot of an internal helper for employees; too small to be clustered."""

from trace_clustering.traces.demo.model import Call, Intent, Product, Question

_LEAVE = Intent(
    name="leave/holidays",
    weight=2,
    failure_rate=0.0,
    asks=(
        "How many vacation days do I have left this year?",
        "Can I carry over {few} days of leave into next year?",
        Question(
            "I want to take parental leave from {month}, whom do I tell?",
            "Tell your team lead and HR in writing, seven weeks ahead (section 3.4).",
            tools=0,
        ),
    ),
    question="I can look that up. Which team are you in?",
    details=("I'm in the {team} team.",),
    calls=(Call("get_leave_balance", {"team": "{team}"}, {"days_left": 7}),),
    answers=("You have 7 days left; up to 5 of them can be carried over until the end of March.",),
    follow_ups=(("And who approves the leave?", "Your team lead approves it in the HR portal."),),
)

_EXPENSES = Intent(
    name="expenses/travel costs",
    weight=1,
    failure_rate=0.0,
    asks=(
        "How do I hand in the receipts of my trip to {city}?",
        Question(
            "What is the daily allowance for meals on business trips?",
            "It is 28 EUR for a full day and 14 EUR for the day of arrival (section 4.2).",
        ),
        Question(
            "My expense report was rejected because a receipt is missing. What now?",
            "Attach a signed statement instead of the receipt and send it in again (section 4.2).",
        ),
    ),
    question="Which month is the report for?",
    details=("It's for last month.",),
    calls=(Call("search_policy", {"query": "travel expenses"}, {"section": "4.2"}),),
    answers=("Upload the receipts in the expense tool by the 10th of the next month.",),
    follow_ups=(
        ("Is a photo of the receipt enough?", "Yes, if the amount and the date can be read."),
    ),
)

PEOPLE_DESK = Product(
    slug="larkfield",
    system="You answer employees' questions from the handbook of Larkfield. Cite the section.",
    traces=12,
    models={"gpt-4o-mini": 1.0},
    intents=(_LEAVE, _EXPENSES),
    slots={
        "few": ("two", "three", "five"),
        "team": ("design", "logistics", "sales"),
        "city": ("Berlin", "Turin", "Leeds"),
    },
    openers=("Hi,", "Hello,"),
    asides=("Just so that I can plan.", "I could not find it in the handbook."),
    apologies=("I could not find that in the handbook.",),
)

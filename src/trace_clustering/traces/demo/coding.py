"""Forgewise: a coding assistant inside an editor."""

from trace_clustering.traces.demo.coding_operations import OPERATIONS_INTENTS
from trace_clustering.traces.demo.model import Call, Intent, Product, Question

_READ = Call(
    "read_file",
    {"path": "src/{module}.py"},
    {"path": "src/{module}.py", "lines": 184, "head": "def {function}(rows): ..."},
    "Error: file src/{module}.py does not exist",
)
_EDIT = Call(
    "apply_patch",
    {"path": "src/{module}.py", "summary": "change {function}"},
    {"applied": True, "added": 14, "removed": 9},
    "Error: patch does not apply at line {number}",
)
_RUN_TESTS = Call(
    "run_tests",
    {"target": "tests/test_{module}.py"},
    {"passed": 23, "failed": 0, "seconds": 4.2},
    "Error: command exceeded 120 s and was killed",
)

_FIX_TEST = Intent(
    name="debug/failing test",
    weight=13,
    failure_rate=0.2,
    asks=(
        "test_{function} fails with {error}. Why?",
        "My unit test for {function} is failing since the last commit, here is the traceback: "
        '  File "src/{module}.py", line {number}, in {function}  {error}: {message}',
        "I get {error}: {message} when I call {function}, please fix the bug",
        "pytest says {error} in {module}.py, what is wrong",
        "The tests pass locally but fail with {error} in CI. Find the bug.",
        "Debug this exception for me: {error}: {message}, raised in {function}()",
    ),
    question="Can you show me the full traceback, and tell me since when it fails?",
    details=(
        "{error}: {message}, raised in line {number} of {module}.py. It worked yesterday.",
        "It fails since I changed {function}; the traceback ends with {error}.",
    ),
    calls=(_READ, _EDIT, _RUN_TESTS),
    answers=(
        "{function} did not handle an empty input, hence the {error}. I fixed it and the tests "
        "pass.",
        "The bug was a wrong index in {function}. All 23 tests pass now.",
    ),
    follow_ups=(
        (
            "The same exception is still raised in another test.",
            "That test used a stale fixture; I corrected it, and it passes now.",
        ),
        (
            "Why did this bug only show up now?",
            "The input was never empty before; the new fixture made it so.",
        ),
    ),
)

_WRITE_TEST = Intent(
    name="tests/write",
    weight=9,
    failure_rate=0.06,
    asks=(
        "Write unit tests for {function} in {module}.py.",
        "Generate pytest test cases for the {class} class, with edge cases.",
        "add parametrized tests that cover the error branches of {function}",
        "Test coverage of {module}.py is too low, write more unit tests please.",
        "Can you write a pytest fixture and mock the http calls in the tests of {class}?",
    ),
    question="Sure. Which edge cases matter to you, and do you use pytest?",
    details=(
        "Yes pytest. Test empty input, duplicates and unicode.",
        "pytest with parametrize, and mock the database in the tests.",
    ),
    calls=(_READ, _EDIT, _RUN_TESTS),
    answers=(
        "I added eleven test cases for {function}; coverage of {module}.py is now 94%.",
        "The new tests cover empty input, duplicates and the error branch. All pass.",
    ),
    follow_ups=(
        ("Mock the clock in those tests too.", "The tests now use a frozen clock fixture."),
        ("Use parametrize instead of three test functions.", "I merged them into one test."),
    ),
)

_EXPLAIN = Intent(
    name="explain/code",
    weight=10,
    failure_rate=0.01,
    asks=(
        "Explain what {function} in {module}.py does.",
        "I'm new to this code base. Can you walk me through the {class} class?",
        Question(
            "what is the difference between {concept} and {other_concept} in {language}?",
            "In short: {concept} are about what is run, {other_concept} about how it is "
            "passed around. Here is an example of both.",
            tools=0,
        ),
        Question(
            "Can you explain {concept} in {language}, with a small example?",
            "Think of {concept} as a building block: you write it once and {language} takes"
            " care of the rest. A small example follows.",
            tools=0,
        ),
        Question(
            "Why would someone use {concept} here? I don't understand this code.",
            "They use {concept} here so that the caller does not have to know the details.",
        ),
        "Explain this {language} code line by line, I do not understand the {concept} part",
    ),
    question="Gladly. How familiar are you with {language}?",
    details=(
        "I know the basics of {language} but I never understood {concept}.",
        "Quite new to {language}; please explain it in simple words.",
    ),
    calls=(_READ,),
    answers=(
        "{function} groups the rows by key and returns one summary for each group.",
        "In short: it reads the rows, checks them and hands them on. Start at {function}.",
    ),
    follow_ups=(
        ("Can you explain it with an example?", "Here is a small example with three lines."),
        ("Where is it called from?", "From {module}.py and from two tests."),
    ),
)


_REFACTOR = Intent(
    name="refactor/clean up",
    weight=10,
    failure_rate=0.08,
    asks=(
        "Refactor {function}, it is 200 lines long and hard to read.",
        "Please split {module}.py into smaller modules and remove the duplicated code.",
        Question(
            "rename {function} everywhere and add type hints",
            "I renamed {function} in four files and added the type hints. The tests pass.",
            tools=3,
        ),
        "Make {class} simpler: too many nested ifs, extract some helper functions.",
        "Convert {class} to a dataclass and clean up the imports in {module}.py.",
        Question(
            "Add docstrings and type annotations to all functions in {module}.py",
            "All functions in {module}.py have docstrings and type annotations now.",
            tools=3,
        ),
    ),
    question="Do other modules import it, and may I change its signature?",
    details=(
        "Only {module}.py uses it, you may change the signature.",
        "Keep the public names, everything else may be refactored and renamed.",
    ),
    calls=(_READ, _EDIT, _RUN_TESTS),
    answers=(
        "I split {function} into four helper functions and removed the duplicated code.",
        "{class} is a frozen dataclass now; type hints are complete.",
    ),
    follow_ups=(
        ("Extract the helper functions into a new module.", "They live in helpers.py now."),
        ("Keep the old name as an alias.", "I kept it as a deprecated alias."),
    ),
)


CODING = Product(
    slug="forge",
    system=(
        "You are Forgewise, a coding assistant inside the editor. Read the files before you edit "
        "them. Make the smallest change that solves the problem and run the tests afterwards. "
        "Answer briefly. Never print secrets."
    ),
    traces=900,
    models={"claude-sonnet-4-5": 0.55, "gpt-4.1": 0.3, "qwen2.5-coder-32b": 0.15},
    intents=(
        *OPERATIONS_INTENTS,
        _FIX_TEST,
        _WRITE_TEST,
        _EXPLAIN,
        _REFACTOR,
    ),
    slots={
        "module": ("billing", "importer", "scheduler", "auth", "search", "report", "cart"),
        "function": ("parse_rows", "load_config", "merge_accounts", "send_invoice", "rank_hits"),
        "class": ("InvoiceBuilder", "SessionStore", "JobQueue", "PriceList", "UserIndex"),
        "error": ("TypeError", "KeyError", "AttributeError", "IndexError", "ValueError"),
        "message": (
            "'NoneType' object is not subscriptable",
            "'user_id'",
            "list index out of range",
            "could not convert string to float",
        ),
        "concept": ("generators", "async functions", "decorators", "closures", "generics"),
        "other_concept": ("iterators", "threads", "context managers", "interfaces"),
        "language": ("Python", "TypeScript"),
        "table": ("orders", "events", "invoices", "sessions"),
        "other_table": ("customers", "users", "products"),
        "database": ("Postgres", "MySQL", "ClickHouse"),
        "service": ("checkout", "mailer", "gateway", "worker"),
        "cloud": ("AWS", "GCP", "Azure"),
        "page": ("settings", "checkout", "profile", "login"),
        "few": ("two", "three", "four", "five"),
        "number": ("~~", "1~~"),
    },
    openers=("Hi,", "Hey,", "Quick question:", "Help:", "ok so", "Next thing:"),
    asides=(
        "Please keep it short.",
        "This blocks our release.",
        "I have tried for an hour already.",
        "Don't change anything else.",
    ),
    apologies=(
        "I could not finish: a tool failed. Please run it on your side and paste the output.",
        "The command does not work in this environment, so I have not verified the change.",
    ),
    thanks=(
        ("thanks, that helps", "Good to hear."),
        ("Great, thank you.", "Any time."),
        ("thx!", "You're welcome."),
    ),
)

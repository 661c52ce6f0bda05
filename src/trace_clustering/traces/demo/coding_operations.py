"""Forgewise, second half: databases, deployments, version control and pages."""

from trace_clustering.traces.demo.model import Call, Intent, Question

_QUERY = Call(
    "explain_query",
    {"sql": "SELECT * FROM {table} JOIN {other_table} USING (user_id)", "dialect": "{database}"},
    {"plan": "Seq Scan on {table}", "cost": 18422.5, "rows": 912000},
    "Error: could not connect to {database}: connection refused",
)


_SQL = Intent(
    name="sql/slow query",
    weight=11,
    failure_rate=0.17,
    asks=(
        "This SQL query on the {table} table takes 40 seconds in {database}. How can I make it "
        "faster?",
        Question(
            "Write a SQL query that joins {table} and {other_table} and counts rows per month.",
            "Here it is: group by date_trunc('month', created_at) after joining {table} "
            "with {other_table}.",
            tools=0,
        ),
        "which index should i add to {table} so that the join with {other_table} is not slow",
        Question(
            "How do I get the latest row per customer from {table} in {database}?",
            "Use row_number() over (partition by customer_id order by created_at desc) and "
            "keep row 1.",
            tools=0,
        ),
        Question(
            "Rewrite this subquery as a window function: select the top 3 {table} per user.",
            "With row_number() over (partition by user_id order by created_at desc), "
            "keeping rows 1 to 3.",
            tools=0,
        ),
        Question(
            "I need a database migration that adds a column to the {table} table without a lock.",
            "Add the column as nullable first, fill it in batches, and set the default "
            "afterwards; no long lock.",
        ),
    ),
    question="Which columns does the table have, and how many rows are in it?",
    details=(
        "{table} has about 9 million rows, with an index on id only. Database is {database}.",
        "id, user_id, created_at and status; {other_table} has a foreign key to {table}.",
    ),
    calls=(_QUERY, Call("list_indexes", {"table": "{table}"}, {"indexes": ["{table}_pkey"]})),
    answers=(
        "The query scans all of {table}. An index on (user_id, created_at) turns it into an index "
        "scan.",
    ),
    follow_ups=(
        (
            "Does the index slow down inserts into the table?",
            "A little; about 3% at your write rate.",
        ),
        ("Can you write that query with a CTE?", "Yes, here it is with two CTEs."),
    ),
)


_DEPLOY = Intent(
    name="deploy/containers and CI",
    weight=11,
    failure_rate=0.28,
    asks=(
        Question(
            "My Docker build fails at the pip install step, how do I fix the Dockerfile?",
            "The base image lacks a compiler. Install build-essential before pip, in a "
            "separate build stage.",
            tools=0,
        ),
        "The {service} pod is in CrashLoopBackOff after the deploy. What is wrong?",
        Question(
            "write a github actions workflow that builds the docker image and deploys to {cloud}",
            "Here is a workflow with two jobs: build pushes the image, deploy runs helm "
            "upgrade on {cloud}.",
            tools=0,
        ),
        Question(
            "How do I reduce the size of my Docker image? It has 2 GB.",
            "A multi-stage Dockerfile with a slim base image brings the image down to 180 MB.",
            tools=0,
        ),
        Question(
            "Kubernetes does not pull the image of {service} from the registry.",
            "The pull secret is missing in the namespace of {service}. Create it and "
            "restart the pod.",
        ),
        "The CI pipeline fails in the deploy stage with exit code 137.",
        "Deploy {service} to staging and show me the pod logs",
    ),
    question="Which base image and which cluster do you use?",
    details=(
        "python:3.12-slim, Kubernetes on {cloud}, deployed with Helm.",
        "The image is built in GitHub Actions and the cluster runs on {cloud}.",
    ),
    calls=(
        Call(
            "kubectl",
            {"args": "get pods -l app={service}"},
            {"pods": [{"name": "{service}-7d9f", "status": "CrashLoopBackOff", "restarts": 12}]},
            "Error: You must be logged in to the server (Unauthorized)",
        ),
        Call(
            "read_logs",
            {"service": "{service}", "lines": 50},
            {"lines": ["OOMKilled: container exceeded 256Mi"]},
            "Error: log backend timed out after 30 s",
        ),
    ),
    answers=(
        "The container of {service} runs out of memory. Raise the limit to 512Mi and redeploy.",
    ),
    follow_ups=(
        ("How do I roll back the deployment?", "kubectl rollout undo deployment/{service}"),
        (
            "Cache the docker layers in the pipeline too.",
            "I added a layer cache to the workflow; builds take 2 minutes now.",
        ),
    ),
)


_GIT = Intent(
    name="git/history",
    weight=8,
    failure_rate=0.05,
    asks=(
        "How do I undo my last git commit without losing the changes?",
        Question(
            "I have a merge conflict in {module}.py after rebasing on main, please help.",
            "Both sides changed {function}. Keep your version, git add the file and git "
            "rebase --continue.",
        ),
        Question(
            "accidentally committed a password and pushed the branch, how do i remove it "
            "from the git history",
            "Change the password first. Then git filter-repo removes the file from the "
            "history, and you force push.",
            tools=0,
        ),
        Question(
            "Squash the last {few} commits of my branch into one commit.",
            "git reset --soft to the commit before them, then commit once. The {few} "
            "commits become one.",
        ),
        Question(
            "How do I cherry-pick a commit from the release branch?",
            "git cherry-pick with the hash of the commit, while you are on your own branch.",
            tools=0,
        ),
        Question(
            "git says my branch has diverged from origin/main, do I merge or rebase?",
            "Nobody else works on it, so rebase onto origin/main, then push with --force-"
            "with-lease.",
        ),
    ),
    question="Has the branch been pushed already?",
    details=(
        "Yes, pushed to origin, but nobody else works on the branch.",
        "No, the commits are only local.",
    ),
    calls=(
        Call(
            "git",
            {"args": "log --oneline -5"},
            {"stdout": "a1f09c2 wip\n77be410 add {function}"},
            "Error: fatal: not a git repository",
        ),
    ),
    answers=(
        "Use git reset --soft HEAD~1: the commit goes away and the changes stay staged.",
        "Rebase onto main, resolve the conflict in {module}.py, then push with --force-with-lease.",
    ),
    follow_ups=(
        (
            "Is it safe to force push the branch?",
            "With --force-with-lease it is, if nobody else has pushed commits.",
        ),
        ("How do I abort the rebase?", "git rebase --abort takes you back to where you were."),
    ),
)


_FRONTEND = Intent(
    name="frontend/component",
    weight=10,
    failure_rate=0.07,
    asks=(
        Question(
            "Build a React component with a table that can be sorted and filtered.",
            "Here is a table component; sorting and the filter live in one hook.",
            tools=2,
        ),
        Question(
            "How do I center this button with CSS? It sticks to the left side of the page.",
            "Put display: flex and justify-content: center on the element around the button.",
            tools=0,
        ),
        Question(
            "my react page re-renders all the time, is it the useEffect hook",
            "Yes: the useEffect hook has a new object in its dependencies on every render. "
            "Move it out of the component.",
        ),
        Question(
            "Add a dark mode toggle to the settings page, with CSS variables.",
            "The settings page has a toggle now; it switches a set of CSS variables.",
            tools=2,
        ),
        "The layout of the {page} page breaks on mobile screens, fix the CSS grid.",
        Question(
            "Make the form on the {page} page validate the email field and show an error below it.",
            "The email field is checked when it loses focus, and the error is shown below it.",
            tools=2,
        ),
    ),
    question="Which UI library do you use, and is it TypeScript?",
    details=("React with TypeScript and plain CSS modules.", "React, Tailwind, TypeScript."),
    calls=(
        Call(
            "read_file",
            {"path": "web/{page}.tsx"},
            {"path": "web/{page}.tsx", "lines": 96},
            "Error: file web/{page}.tsx does not exist",
        ),
        Call("apply_patch", {"path": "web/{page}.tsx"}, {"applied": True, "added": 31}),
    ),
    answers=(
        "I replaced the fixed width with a CSS grid; the {page} page works on small screens.",
    ),
    follow_ups=(
        ("Can the button have a hover color?", "I added a hover style to the button."),
        ("Make it accessible for the keyboard.", "All controls have labels and focus rings now."),
    ),
)

OPERATIONS_INTENTS = (_DEPLOY, _GIT, _FRONTEND, _SQL)

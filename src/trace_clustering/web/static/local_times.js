// Times are written in UTC; here they are told in the reader's zone. New parts of a page too.
const format = (timeStyle, dateStyle = "medium") => new Intl.DateTimeFormat(undefined, { dateStyle, timeStyle });
const short = format("short"), exact = format("medium"), long = format("long", "full");

export function tellLocalTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]:not([data-told])")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.dataset.told = "";
    time.title = `${long.format(moment)} (${time.textContent})`;
    time.textContent = (time.dataset.seconds === undefined ? short : exact).format(moment);
  }
  // An option can hold no element: its time stands before the first dot.
  for (const option of within.querySelectorAll("option[data-time]:not([data-told])")) {
    const { time, seconds } = option.dataset;
    option.dataset.told = "";
    const told = (seconds === undefined ? short : exact).format(new Date(time));
    option.textContent = `${told} ${option.text.slice(option.text.indexOf("·"))}`;
  }
}

tellLocalTimes(document);
document.addEventListener("parts-swapped", () => tellLocalTimes(document));

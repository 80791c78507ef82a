// Numbers and times for people.

/// A whole number as text, digit by digit; those that no float holds come as text already.
export function digits(number) {
  return String(number?.as_str ?? number);
}

export function count(number) {
  if (number === null || number === undefined) return "";
  return typeof number === "number" ? Math.round(number).toLocaleString("en-US") : digits(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/// Messages in a second.
export function rate(number) {
  if (number === null || number === undefined) return "";
  return number > 0 && number < 9.95 ? number.toFixed(1) : count(number);
}

export function bytes(number) {
  if (number === null || number === undefined) return "";
  const mib = number / 2 ** 20;
  return mib < 1000 ? `${mib.toFixed(1)} MiB` : `${(mib / 1024).toFixed(2)} GiB`;
}

export function percent(share) {
  return share === null || share === undefined ? "" : `${Math.round(share * 100)} %`;
}

/// Seconds that something took: `12 µs`, `3.4 ms`, `1.20 s`.
export function took(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(1)} ms`;
  return `${seconds.toFixed(2)} s`;
}

/// Seconds since a start: `4 s`, `3 min`, `5 h 12 min`, `3 d 4 h`.
export function span(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/// The time of day of a log line, to the millisecond.
export function clock(time) {
  return time ? time.slice(time.indexOf("T") + 1).replace("Z", "").slice(0, 12) : "";
}

/// How a state of a service is coloured.
export function mood(state) {
  if (state === "ready" || state === "current") return "good";
  if (["failed", "given up", "silent"].includes(state)) return "bad";
  if (["ended", "stopped"].includes(state)) return "faint";
  return "warn";
}

/// The state of a service, with what it waits for or how it ended.
export function standing(service) {
  const waits = service.waits_for?.length ? ` for ${service.waits_for.join(", ")}` : "";
  const end = service.end && !["ended", "stopped"].includes(service.state) ? `: ${service.end}` : "";
  return { word: service.state ?? "", more: waits || end };
}

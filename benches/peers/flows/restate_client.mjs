// Calls the handler over and over, so many calls at a time; prints how many a second.
import http from "node:http";

const [port, inFlight, seconds] = process.argv.slice(2).map(Number);
const agent = new http.Agent({ keepAlive: true, maxSockets: inFlight });

function call(n) {
  return new Promise((resolve, reject) => {
    const options = { port, host: "127.0.0.1", path: "/steps/run", method: "POST", agent, headers: { "content-type": "application/json" } };
    const request = http.request(options, (response) => {
      let body = "";
      response.on("data", (part) => (body += part));
      response.on("end", () => (response.statusCode === 200 ? resolve(JSON.parse(body)) : reject(new Error(body))));
    });
    request.on("error", reject);
    request.end(JSON.stringify(n));
  });
}

const began = performance.now();
let done = 0;
async function work() {
  while (performance.now() - began < seconds * 1000) {
    const n = done;
    if ((await call(n)) !== n + 3) throw new Error("a wrong result");
    done += 1;
  }
}
await Promise.all(Array.from({ length: inFlight }, work));
console.log(done / ((performance.now() - began) / 1000));
process.exit(0);

// Reads the clock for as long as its argument says, ms, and prints the longest time between two readings, ms, as JSON: for
// how long a machine holds up a process that does nothing else.
const endsAt = performance.now() + Number(process.argv[2]);
let longest = 0;
for (let last = performance.now(), now = last; now < endsAt; last = now) {
  now = performance.now();
  longest = Math.max(longest, now - last);
}
console.log(JSON.stringify(longest));

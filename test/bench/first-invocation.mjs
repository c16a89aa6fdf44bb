// What Lambda's runtime does with a function. Not TypeScript, for Node would first load what strips its types.
const [file, event] = process.argv.slice(2);
const booted = performance.now();
const { handler } = await import(file);
const imported = performance.now();
const answer = await handler(JSON.parse(event));
const answered = performance.now();
process.send(
  { answer, node: booted, import: imported - booted, invocation: answered - imported, total: answered },
  () => process.exit(0),
);

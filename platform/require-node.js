// Plain JavaScript in old syntax on purpose: it has to run, and explain itself, on a Node that cannot run the rest.
const required = 24;
const running = process.versions.node;
if (Number(running.split('.')[0]) < required) {
  process.stderr.write(
    `Tempus needs Node ${required}; this is Node ${running}.\n` +
      'npm ci installs the right one beside the product, unless install scripts are switched off.\n' +
      'Fix: npm ci --ignore-scripts=false, and start it with npm start or npx --no tempus.\n',
  );
  process.exit(1);
}

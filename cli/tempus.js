#!/usr/bin/env node
// Plain JavaScript, so that a Node that is too old can say so instead of failing to parse.
await import('../platform/require-node.js');
await import('./main.ts');

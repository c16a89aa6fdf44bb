/** What AWS puts into its sentences and what is another in the next try: ids, times, counts, the far end of a connection. */
const PASSING: readonly [RegExp, string][] = [
  [/request ?id:\s*[\w-]+,?\s*/gi, ''],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '…'],
  // What a registry sends to whoever pulls is signed: the signature lets in, and is another each time.
  [/(https?:\/\/[^\s"'?]+)\?[^\s"']*/g, '$1'],
  // Of a task. A digest has 64 digits, and stays.
  [/\b[0-9a-f]{32}\b/gi, '…'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?/g, '…'],
  [/ \d+ time\(s\)/g, ''],
  [/\b(dial|read|write) tcp [\d.:[\]a-f>-]+\d/gi, '$1 tcp'],
  [/[,\s]+$/g, ''],
];

/** AWS's own words without what differs from one failure to the next, so that a condition which says them stays as it is. */
export function lastingWords(text: string): string {
  return PASSING.reduce((words, [passing, instead]) => words.replaceAll(passing, instead), text);
}

import type { PreviewView } from './view.ts';

/** The receipt as a sentence: the product's argument in one line. */
export function receiptLine({ receipt, cost }: PreviewView): string {
  const { created, deleted, left_over } = receipt;
  const resources = `${created} resource${created === 1 ? '' : 's'}`;
  const dollars = `$${cost.so_far.toFixed(4)}`;
  return `created ${resources}, deleted ${deleted}, left over ${left_over}; on Fargate this would have cost ${dollars}`;
}

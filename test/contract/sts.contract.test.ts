import { expect, test } from 'vitest';

import { describeCoverage } from './coverage.ts';
import { useContract } from './endpoint.ts';

const contract = useContract();

test('a caller is told whom it acts for', async () => {
  const { Account, Arn, UserId } = await contract.clients.sts.getCallerIdentity({});
  expect(Account).toMatch(/^\d{12}$/);
  expect(Arn).toContain(`::${Account}:`);
  expect(UserId).toMatch(/./);
});

describeCoverage('sts', contract);

import { expect, test } from 'vitest';

import { describeCoverage } from './coverage.ts';
import { useContract } from './endpoint.ts';

const contract = useContract();
const fargate = { ServiceCode: 'fargate' };

test.each([
  ['L-3032A538', 'Fargate On-Demand vCPU resource count'],
  ['L-36FBB829', 'Fargate Spot vCPU resource count'],
])('%s is the quota of %s', async (QuotaCode, QuotaName) => {
  const { quotas } = contract.clients;
  const { Quota } = await quotas.getServiceQuota({ ...fargate, QuotaCode });
  expect(Quota).toMatchObject({ ...fargate, QuotaCode, QuotaName });
  expect(Quota?.Value).toBeGreaterThan(0);
  const { Quotas } = await quotas.listServiceQuotas(fargate);
  expect(Quotas).toContainEqual(Quota);
});

test('an unknown quota, an unknown service and a page that is none are refused', async () => {
  const { quotas } = contract.clients;
  const missing = { name: 'NoSuchResourceException' };
  await expect(quotas.getServiceQuota({ ...fargate, QuotaCode: 'L-0' })).rejects.toMatchObject(missing);
  await expect(quotas.listServiceQuotas({ ServiceCode: 'nobody' })).rejects.toMatchObject(missing);
  const page = quotas.listServiceQuotas({ ...fargate, MaxResults: 101 });
  await expect(page).rejects.toMatchObject({ name: 'IllegalArgumentException' });
});

describeCoverage('quotas', contract);

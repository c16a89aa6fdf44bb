import { expect, test } from 'vitest';
import { CONFIG, useApi } from './api-world.ts';

const world = useApi();

test('where several load balancers carry previews, one has no address until it has a slot, and then its own', async () => {
  // What Terraform tells the API of an install with more than one.
  await world.serveAnew({ config: { ...CONFIG, routing: { scheme: 'https', primary: 'host' } } });
  const created = (await world.post({})).json();
  expect(created).toMatchObject({ phase: 'Pending', preview_url: '', urls: [] });

  const row = (await world.store.get(created.id))!;
  const url = `https://preview-${created.id}.s2.preview.example.com/`;
  await world.put({ ...row, status: { ...row.status, urls: [url], url } });
  expect((await world.ask('GET', `/preview/${created.id}`)).json()).toMatchObject({
    preview_url: url,
    urls: [url],
  });
});

import type { Container } from '../../preview/containers.ts';
import { type Image, IMAGES } from './tasks.ts';

const HEALTH = { health_path: '/health', health_codes: '200-399' };

/** A web server in front of a database, and a public container for each further address. */
export function severalOf(suffixes: readonly string[], image: Image = IMAGES.good): Container[] {
  const plain = { env: {}, essential: true };
  const depends_on = { db: 'started' as const };
  return [
    { ...plain, name: 'web', image, port: 80, public: true, depends_on, ...HEALTH },
    ...suffixes.map((suffix, n) => ({
      ...plain,
      name: suffix,
      image: IMAGES.good,
      port: 4000 + n,
      public: suffix,
      depends_on: {},
      ...HEALTH,
    })),
    { ...plain, name: 'db', image: IMAGES.good, port: 5432, depends_on: {} },
  ];
}

/** The same as a desired state, for whoever edits the table. */
export function severalSpec(suffixes: readonly string[], image?: Image): Record<string, unknown> {
  return { containers: severalOf(suffixes, image), cpu: 256, memory: 512 };
}

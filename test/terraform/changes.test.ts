import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderMirror, whyNoTerraform } from '../deploy/real-terraform.ts';
import { PARTS } from './services.ts';
import { Standing } from './standing.ts';
import { VARIANTS } from './variants.ts';

const missing = whyNoTerraform();
if (missing !== undefined)
  process.stderr.write(`SKIPPED an install that changes while it stands: ${missing}\n`);

const variablesOf = (domain: boolean) =>
  VARIANTS.find((variant) => variant.domain === domain && variant.albs === 1 && !variant.isPrivate)!
    .variables;

describe.skipIf(missing !== undefined)('an install that stands', () => {
  let mirror: ProviderMirror;
  let standing: Standing;

  beforeAll(async () => {
    mirror = new ProviderMirror();
    standing = await Standing.set(mirror.env);
    await standing.apply(variablesOf(false));
  });

  afterAll(() => {
    standing?.remove();
    mirror?.dispose();
  });

  const PREVIEWS = 'aws_lb_listener.previews["1"]';
  const REDIRECT = 'aws_lb_listener.previews_redirect["1"]';

  const API_GROUP = 'aws_lb_target_group.api';

  test('when it gets a domain, port 80 is left before the redirect takes it, and the listener with the rules of previews stays', async () => {
    // The provider knows of no renaming of a target group: the other name makes another.
    const order = await standing.apply(variablesOf(true), [`-replace=${API_GROUP}`]);
    order.expect(`${PREVIEWS}: Modifications complete`, `${REDIRECT}: Creating`);
    expect(order.of(PREVIEWS)).toEqual(['Modifying', 'Modifications complete']);
    // EC2 deletes no security group that a rule of another one refers to.
    order.expect(
      'aws_vpc_security_group_ingress_rule.api: Modifications complete',
      'aws_security_group.api_alb[0]: Destroying',
    );
    order.expect('aws_ecs_service.api: Modifications complete', `${API_GROUP}: Destroying`);
  });

  test('when it gives the domain up as docs/aws.md says, the redirect leaves before the listener is made anew', async () => {
    const order = await standing.apply(variablesOf(false), [`-replace=${PREVIEWS}`]);
    order.expect(`${REDIRECT}: Destruction complete`, `${PREVIEWS}: Creating`);
    // Who follows the listener has done so before the one with the certificate goes.
    order.expect('aws_ecs_task_definition.controller: Modifications complete', `${PREVIEWS}: Destroying`);
  });

  // Of a new version AWS makes another revision; the provider here would change the one that there is.
  test.each(PARTS)(
    'a new revision of %s is there before the one to go back to is deregistered',
    async (part) => {
      const revision = `aws_ecs_task_definition.${part}`;
      const order = await standing.apply(variablesOf(false), [`-replace=${revision}`]);
      order.expect(`${revision}: Creation complete`, `${revision}: Destroying`);
    },
  );
});

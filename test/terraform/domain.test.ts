import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderMirror, whyNoTerraform } from '../deploy/real-terraform.ts';
import { Standing } from './standing.ts';
import { VARIANTS } from './variants.ts';

const missing = whyNoTerraform();
if (missing !== undefined) process.stderr.write(`SKIPPED an install that gets a domain: ${missing}\n`);

const variablesOf = (domain: boolean) =>
  VARIANTS.find((variant) => variant.domain === domain && variant.albs === 1 && !variant.isPrivate)!
    .variables;

describe.skipIf(missing !== undefined)('an install that gets a domain, and gives it up again', () => {
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

  test('port 80 is left before the redirect takes it, and the listener with the rules of previews stays', async () => {
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

  test('and as docs/aws.md says, on the way back the redirect leaves before the listener is made anew', async () => {
    const order = await standing.apply(variablesOf(false), [`-replace=${PREVIEWS}`]);
    order.expect(`${REDIRECT}: Destruction complete`, `${PREVIEWS}: Creating`);
    // Who follows the listener has done so before the one with the certificate goes.
    order.expect('aws_ecs_task_definition.controller: Modifications complete', `${PREVIEWS}: Destroying`);
  });
});

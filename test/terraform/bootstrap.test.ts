import { afterAll, describe, expect, test } from 'vitest';
import { Stage, terraformCheck } from './plan.ts';

const program = terraformCheck();
if (program === undefined) {
  const why = 'nothing here plans Terraform without an account';
  process.stderr.write(`SKIPPED where state and images are kept: ${why}\n`);
  test.skip(`where state and images are kept (${why})`);
} else {
  const stage = await Stage.set(program);
  afterAll(() => stage.remove());
  const plan = await stage.plan({ install: 'longest-name-yet', region: 'ap-southeast-2' }, 'bootstrap');

  describe('where state and images are kept', () => {
    test('nobody but the account reads the state, and every version of it can be brought back', () => {
      expect(plan.of('aws_s3_bucket')).toHaveLength(1);
      const { bucket, force_destroy } = plan.at('aws_s3_bucket.state[0]').values;
      expect(String(bucket).length).toBeLessThanOrEqual(63);
      expect(force_destroy).toBe(false);
      expect(plan.at('aws_s3_bucket_public_access_block.state[0]').values).toMatchObject({
        block_public_acls: true,
        block_public_policy: true,
        ignore_public_acls: true,
        restrict_public_buckets: true,
      });
      expect(plan.at('aws_s3_bucket_versioning.state[0]').values['versioning_configuration']).toMatchObject([
        { status: 'Enabled' },
      ]);
      const { rule } = plan.at('aws_s3_bucket_lifecycle_configuration.state[0]').values as { rule: object[] };
      // Old versions go after a while; the state itself never does.
      expect(rule).toMatchObject([
        { status: 'Enabled', expiration: [], noncurrent_version_expiration: [{ noncurrent_days: 90 }] },
      ]);
    });

    test('the state travels encrypted or not at all', () => {
      const { policy } = plan.at('aws_s3_bucket_policy.state[0]').values;
      const bucket = `arn:aws:s3:::${String(plan.at('aws_s3_bucket.state[0]').values['bucket'])}`;
      expect(JSON.parse(policy as string)).toMatchObject({
        Statement: [
          {
            Effect: 'Deny',
            Principal: '*',
            Action: 's3:*',
            Resource: [bucket, `${bucket}/*`],
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
        ],
      });
    });

    test('who keeps the state elsewhere gets the repositories and nothing else', async () => {
      const local = await stage.plan({ state: 'local' }, 'bootstrap');
      expect(local.resources.filter(({ type }) => type.startsWith('aws_s3'))).toEqual([]);
      expect(local.of('aws_ecr_repository')).toHaveLength(2);
    });

    test('a tag is one image for ever', () => {
      const repositories = plan.of('aws_ecr_repository').map(({ values }) => values);
      expect(repositories.map(({ name }) => String(name)).toSorted()).toEqual([
        'longest-name-yet-control-plane',
        'longest-name-yet-hello',
      ]);
      for (const values of repositories)
        expect(values).toMatchObject({ image_tag_mutability: 'IMMUTABLE', force_delete: false });
    });

    test('no image that has a tag ever expires', () => {
      const policies = plan.of('aws_ecr_lifecycle_policy').map(({ values }) => values['policy'] as string);
      expect(policies).toHaveLength(2);
      for (const policy of policies) {
        const { rules } = JSON.parse(policy) as { rules: { selection: { tagStatus: string } }[] };
        expect(rules.map(({ selection }) => selection.tagStatus)).toEqual(['untagged']);
      }
    });
  });
}

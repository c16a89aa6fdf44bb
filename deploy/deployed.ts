import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { ECS } from '@aws-sdk/client-ecs';
import { ElasticLoadBalancingV2 } from '@aws-sdk/client-elastic-load-balancing-v2';
import { Scheduler } from '@aws-sdk/client-scheduler';
import { DynamoDBDocument } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { controllerSchema, reconcilerConfig } from '../controller/config.ts';
import { ConfigError, type Env, parseConfig } from '../platform/config.ts';
import type { ReconcilerConfig } from '../reconcilers/config.ts';
import type { Images } from './checkout.ts';
import { Refusal } from './refusal.ts';

const container = z.object({ environment: z.array(z.object({ name: z.string(), value: z.string() })) });
const outputsSchema = z.object({
  region: z.string(),
  api_url: z.url(),
  containers: z.object({ controller: container }),
});

/** An install as Terraform has made it, in the words that its own controller is told. */
export interface Deployed {
  api_url: string;
  region: string;
  tables: { previews: string; coordination: string };
  config: ReconcilerConfig;
}

/** What Terraform's outputs say; undefined where nothing is deployed. Throws Refusal where they are not Tempus's. */
export function readDeployed(outputs: Readonly<Record<string, unknown>>): Deployed | undefined {
  if (outputs['api_url'] === undefined || outputs['containers'] === undefined) return undefined;
  const parsed = outputsSchema.safeParse(outputs);
  if (!parsed.success)
    throw new Refusal(
      "Terraform's outputs are not those of this version",
      z.prettifyError(parsed.error),
      'make deploy with this checkout, or go on with the checkout that deployed it',
    );
  const { api_url, region, containers } = parsed.data;
  const told = containers.controller.environment.map(({ name, value }) => [name, value]);
  const env = readController({ AWS_REGION: region, ...Object.fromEntries(told) });
  return {
    api_url,
    region,
    tables: { previews: env.TEMPUS_TABLE_PREVIEWS, coordination: env.TEMPUS_TABLE_COORDINATION },
    config: reconcilerConfig(env),
  };
}

function readController(told: Env): z.output<typeof controllerSchema> {
  try {
    return parseConfig(controllerSchema, told);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new Refusal(
      'what is deployed is not complete',
      `its controller is not told what that of this version needs: ${error.message}`,
      'make deploy with this checkout, or go on with the checkout that deployed it',
      { cause: error },
    );
  }
}

/** The images that run, for a checkout that has not pushed them. */
export function readImages({ containers }: Readonly<Record<string, unknown>>): Images | undefined {
  const parsed = z.object({ api: container.extend({ image: z.string() }) }).safeParse(containers);
  if (!parsed.success) return undefined;
  const { image, environment } = parsed.data.api;
  const sample = environment.find(({ name }) => name === 'TEMPUS_DEFAULT_IMAGE')?.value;
  return sample === undefined ? undefined : { control_plane_image: image, default_image: sample };
}

/** Clients with the deployer's own credentials. Unlike the controller's they repeat a call that failed by themselves. */
export function createClients(region: string) {
  const config = { region };
  const dynamodb = new DynamoDB(config);
  const clients = {
    document: DynamoDBDocument.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } }),
    dynamodb,
    ecs: new ECS(config),
    elbv2: new ElasticLoadBalancingV2(config),
    scheduler: new Scheduler(config),
  };
  return {
    ...clients,
    destroy: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

export type Clients = ReturnType<typeof createClients>;

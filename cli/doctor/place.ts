/** Where Tempus runs, and so what a person types to see to it. */
export interface Place {
  laptop: boolean;
  /** Starts what does not run. */
  restart: string;
  /** Shows what the controller says. */
  watch: string;
}

export const LAPTOP: Place = {
  laptop: true,
  restart: 'npm start (Ctrl-C first where one still runs)',
  watch: 'tail -n 50 .tempus/laptop.log',
};

/** Commands name the Region where the caller did; else the aws command finds it as doctor does. */
export function onAws(install: string, region: string | undefined): Place {
  const at = region === undefined ? '' : ` --region ${region}`;
  return {
    laptop: false,
    restart: `aws ecs update-service --cluster ${install} --service ${install}-controller --force-new-deployment${at}`,
    watch: `aws logs tail /tempus/${install}/controller --since 30m${at}`,
  };
}

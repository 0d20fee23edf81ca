import { getDisk, getJobs, getWorkers } from '../api/calls';
import type { DeadJob, Jobs, RunningJob, Worker } from '../api/types';
import { Link } from '../state/router';
import { ageText, byteSize } from '../text/format';
import { usePageTitle } from '../ui/usePageTitle';
import { Table } from './Table';
import { usePolled } from './usePolled';
import '../styles/operations.css';

const LIVE_MS = 2_000;
const DISK_MS = 30_000;
/** Workers give a sign of life every ten seconds. */
const SILENT_MS = 30_000;

/** The queue, the workers and the disk, live. */
export default function OperationsPage() {
  usePageTitle('Operations');
  return (
    <div className="page">
      <h1 className="page-title">Operations</h1>
      <div className="operations">
        <Queue />
        <Workers />
        <Disk />
      </div>
    </div>
  );
}

function Queue() {
  const { value: jobs, error } = usePolled(getJobs, LIVE_MS);
  const { now_ms: now, states, running, waiting, dead }: Jobs = jobs ?? NOTHING;
  const age = (at: number) => ageText(now - at);
  return (
    <>
      <Table
        title="Queue"
        columns={['Step', 'State', 'Jobs', 'Oldest']}
        empty="Nothing waits and nothing runs."
        error={error}
        rows={states.map(({ kind, state, jobs: count, oldest_ms: oldest }) => ({
          key: `${kind} ${state}`,
          cells: [kind, state, count, state === 'running' ? '' : age(oldest)],
        }))}
      />
      <Table
        title="Running"
        columns={['Step', 'Asset', 'For', 'Attempt', 'Worker', 'Last reason']}
        empty="No worker is busy."
        error={null}
        rows={running.map((job) => ({ key: job.id, cells: runningCells(job, age(job.claimed_ms)) }))}
      />
      <Table
        title="Waiting by tenant"
        columns={['Tenant', 'Jobs', 'Oldest']}
        empty="Nobody waits."
        error={null}
        rows={waiting.map(({ tenant, jobs: count, oldest_ms: oldest }) => ({
          key: tenant,
          cells: [<span className="code">{tenant}</span>, count, age(oldest)],
        }))}
      />
      <Table
        title="Given up"
        columns={['Step', 'Asset', 'Attempts', 'Reason', 'Ago']}
        empty="No job was given up."
        error={null}
        rows={dead.map((job) => ({ key: job.id, cells: deadCells(job, age(job.at_ms)) }))}
      />
    </>
  );
}

const NOTHING: Jobs = { now_ms: 0, states: [], running: [], waiting: [], dead: [] };

const assetLink = (id: string) => (
  <Link className="code" href={`/watch/${id}`}>
    {id.slice(-8)}
  </Link>
);

function runningCells(job: RunningJob, age: string) {
  const again = job.failures + job.interruptions;
  const attempt = again > 0 ? `${job.attempt}, ${again} lost` : job.attempt;
  const worker = <span className="code">{job.worker?.slice(-8) ?? 'none'}</span>;
  return [job.kind, assetLink(job.subject), age, attempt, worker, job.reason ?? ''];
}

const deadCells = (job: DeadJob, age: string) => [
  job.kind,
  assetLink(job.subject),
  job.attempt,
  job.reason,
  age,
];

function Workers() {
  const { value, error } = usePolled(getWorkers, LIVE_MS);
  const now = value?.now_ms ?? 0;
  const heard = (worker: Worker) => {
    const silence = now - worker.seen_ms;
    return silence > SILENT_MS ? `silent for ${ageText(silence)}` : `${ageText(silence)} ago`;
  };
  return (
    <Table
      title="Workers"
      columns={['Process', 'Worker', 'Busy', 'Up for', 'Heard of']}
      empty="No worker is there: nothing will be transcoded."
      error={error}
      rows={(value?.items ?? []).map((worker) => ({
        key: worker.id,
        cells: [
          worker.name,
          <span className="code">{worker.id.slice(-8)}</span>,
          `${worker.running} of ${worker.slots}`,
          ageText(now - worker.started_ms),
          heard(worker),
        ],
      }))}
    />
  );
}

function Disk() {
  const { value, error } = usePolled(getDisk, DISK_MS);
  return (
    <Table
      title="Disk by asset"
      columns={['Title', 'Source', 'Made of it']}
      empty="Nothing is stored."
      error={error}
      rows={(value?.items ?? []).map((use) => ({
        key: use.asset,
        cells: [
          <Link href={`/watch/${use.asset}`}>{use.title}</Link>,
          byteSize(use.source_bytes),
          byteSize(use.media_bytes),
        ],
      }))}
    />
  );
}

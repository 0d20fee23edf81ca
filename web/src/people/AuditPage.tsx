import '../styles/people.css';
import { listAudit } from '../api/calls';
import type { AuditEntry } from '../api/types';
import { Button } from '../ui/Button';
import { usePages } from '../ui/usePages';
import { usePageTitle } from '../ui/usePageTitle';
import { PagedTable } from './PagedTable';
import { actionText } from './words';

const moment = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });

/** Who did what, newest first. */
export default function AuditPage() {
  usePageTitle('Audit log');
  const pages = usePages(listAudit);
  return (
    <div className="page people">
      <div className="people-head">
        <h1 className="page-title">Audit log</h1>
        <Button icon="replay" busy={pages.busy} onClick={pages.reload}>
          Refresh
        </Button>
      </div>
      <PagedTable
        pages={pages}
        label="Audit log"
        heads={['When', 'Who', 'What', 'From']}
        testId="audit"
        row={(entry) => <AuditRow key={entry.id} entry={entry} />}
      />
    </div>
  );
}

function AuditRow({ entry }: { entry: AuditEntry }) {
  return (
    <tr data-action={entry.action}>
      <td className="soft">
        <time dateTime={new Date(entry.at_ms).toISOString()}>{moment.format(entry.at_ms)}</time>
      </td>
      <th scope="row">{entry.actor_name}</th>
      <td>
        {actionText(entry)}
        {entry.detail !== '' && <span className="soft">: {entry.detail}</span>}
      </td>
      <td className="soft code">{entry.address ?? 'The server'}</td>
    </tr>
  );
}

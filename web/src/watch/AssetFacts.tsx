import type { Asset, Finding } from '../api/types';
import { byRung, trackLabel } from '../catalogue/words';
import { audienceWords, byteSize, clockTime, counted } from '../text/format';

const dateTime = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

/** What came in, what was made of it and why, and what the checks found. */
export function AssetFacts({ asset }: { asset: Asset }) {
  return (
    <div className="facts" data-testid="details">
      <section className="panel" aria-labelledby="source-title">
        <h2 id="source-title">Source</h2>
        <SourceFacts asset={asset} />
      </section>
      {asset.plan && (
        <section className="panel" aria-labelledby="ladder-title">
          <h2 id="ladder-title">Ladder</h2>
          <TrackChips asset={asset} />
          <ul className="reasons">
            {asset.plan.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </section>
      )}
      {asset.state === 'ready' && (
        <section className="panel" aria-labelledby="checks-title">
          <h2 id="checks-title">Conformance</h2>
          <Findings findings={asset.findings} />
        </section>
      )}
    </div>
  );
}

function SourceFacts({ asset }: { asset: Asset }) {
  const { source, duration_ms: duration } = asset;
  const facts: [string, string | null][] = [
    ['File', source.name],
    ['Size', byteSize(source.bytes)],
    ['Duration', duration === null ? null : clockTime(duration / 1000)],
    ['Uploaded', dateTime.format(asset.created_ms)],
    ['Audience', audienceWords(asset)],
    ['SHA-256', source.sha256],
    ['Asset', `${asset.id}, version ${asset.version}`],
  ];
  return (
    <dl className="fact-list">
      {facts.map(([name, value]) =>
        value === null ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd className={name === 'SHA-256' || name === 'Asset' ? 'code' : 'digits'}>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function TrackChips({ asset }: { asset: Asset }) {
  const tracks = [...asset.progress.tracks].sort(byRung);
  if (tracks.length === 0) return null;
  return (
    <ul className="chips">
      {tracks.map((track) => (
        <li key={track.name} className="chip digits">
          {trackLabel(track)}
          {track.width != null && track.height != null && (
            <small>
              {track.width}×{track.height}
            </small>
          )}
        </li>
      ))}
    </ul>
  );
}

function Findings({ findings }: { findings: Finding[] }) {
  if (findings.length === 0)
    return <p className="soft">The checks of HLS, DASH and CMAF found nothing to say.</p>;
  return (
    <>
      <p className="soft">{counted(findings.length, 'finding')}</p>
      <ul className="findings">
        {findings.map((finding) => (
          <li key={`${finding.rule} ${finding.where}`} className={`finding finding-${finding.severity}`}>
            <span className="finding-severity">{finding.severity}</span>
            <div>
              <p>{finding.message}</p>
              <p className="small soft">
                {finding.rule} · {finding.clause} · <span className="code">{finding.where}</span>
              </p>
            </div>
          </li>
        ))}
      </ul>
    </>
  );
}

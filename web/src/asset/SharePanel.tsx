import { useId, useState } from 'react';
import type { Asset } from '../api/types';
import { hasVideo } from '../catalogue/words';
import { clockTime } from '../text/format';
import { CopyField } from '../ui/CopyField';
import { PrivateLinks } from './PrivateLinks';
import { embedCode, linkAt, publicLinks, type ShareLinks } from './share';

/** The moment the player is at, in seconds; asked when the box is ticked. */
type CurrentTime = () => number;

interface SharePanelProps {
  asset: Asset;
  currentTime?: CurrentTime | undefined;
}

/** Link, embed code and stream addresses of an asset; a private one first gets a link that expires. */
export function SharePanel({ asset, currentTime }: SharePanelProps) {
  const [made, setMade] = useState<ShareLinks | null>(null);
  const isPrivate = asset.visibility === 'private';
  const links = isPrivate ? made : publicLinks(asset);
  return (
    <div className="share" data-testid="share-panel">
      {isPrivate && <PrivateLinks asset={asset} onLinks={setMade} />}
      {links && (
        <LinkFields links={links} title={asset.title} video={hasVideo(asset)} currentTime={currentTime} />
      )}
    </div>
  );
}

interface LinkFieldsProps {
  links: ShareLinks;
  title: string;
  /** False for sound alone, which is embedded in a lower frame. */
  video: boolean;
  currentTime?: CurrentTime | undefined;
}

export function LinkFields({ links, title, video, currentTime }: LinkFieldsProps) {
  const [at, setAt] = useState<number | null>(null);
  const embed = embedCode(linkAt(links.embed, at), title, video);
  return (
    <>
      <CopyField label="Link" value={linkAt(links.watch, at)} testId="share-link" />
      {currentTime && <StartAt at={at} onChange={setAt} currentTime={currentTime} />}
      <CopyField label="Embed code" value={embed} rows={4} testId="embed-code" />
      {links.hls !== null && <CopyField label="HLS address" value={links.hls} testId="hls-address" />}
      {links.dash !== null && <CopyField label="DASH address" value={links.dash} testId="dash-address" />}
    </>
  );
}

interface StartAtProps {
  at: number | null;
  onChange: (at: number | null) => void;
  currentTime: CurrentTime;
}

function StartAt({ at, onChange, currentTime }: StartAtProps) {
  const id = useId();
  return (
    <div className="start-at small">
      <input
        id={id}
        type="checkbox"
        checked={at !== null}
        onChange={(event) => onChange(event.target.checked ? Math.floor(currentTime()) : null)}
      />
      <label htmlFor={id} className="digits">
        Start at {at === null ? 'the moment shown' : clockTime(at)}
      </label>
    </div>
  );
}

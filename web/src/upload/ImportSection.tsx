import { useState } from 'react';
import { useStore } from '../state/store';
import { Form } from '../ui/Form';
import { TextField } from '../ui/TextField';
import { ImportRow } from './ImportRow';
import { importFrom, useImports } from './imports';
import { visibilityStore } from './useUploads';

/** Has the server fetch a film itself, and shows how far it is. */
export function ImportSection() {
  const [url, setUrl] = useState('');
  const visibility = useStore(visibilityStore, (chosen) => chosen);
  const imports = useImports();
  const begin = async () => {
    await importFrom(url, visibility);
    setUrl('');
  };
  return (
    <section className="import" aria-labelledby="import-title">
      <h2 id="import-title">Import from a URL</h2>
      <Form action="Import" work={begin} testId="import-begin">
        <TextField
          label="Address of the film"
          type="url"
          inputMode="url"
          required
          maxLength={8192}
          placeholder="https://films.example/holiday.mov"
          value={url}
          onValue={setUrl}
          autoComplete="off"
          spellCheck={false}
          hint="The server fetches the file itself; this page may be closed meanwhile."
          data-testid="import-url"
        />
      </Form>
      {imports.length > 0 && (
        <ul className="transfers" aria-label="Imports">
          {imports.map((id) => (
            <ImportRow key={id} assetId={id} />
          ))}
        </ul>
      )}
    </section>
  );
}

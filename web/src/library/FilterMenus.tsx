import type { AssetFilter } from '../api/calls';
import { STATE_LABELS, VISIBILITIES, VISIBILITY_WORDS } from '../catalogue/words';
import { navigate } from '../state/router';
import { Menu, MenuChoice } from '../ui/Menu';
import { libraryPath, STATES } from './filter';

/** Narrows the library to a state or a visibility; what is chosen lives in the address. */
export function FilterMenus({ filter }: { filter: AssetFilter }) {
  const choose = (change: Partial<AssetFilter>) =>
    navigate(libraryPath({ ...filter, ...change }), { replace: true });
  const state = filter.state ? STATE_LABELS[filter.state] : 'Any state';
  const visibility = filter.visibility ? VISIBILITY_WORDS[filter.visibility].label : 'Any visibility';
  return (
    <>
      <Menu
        label={`${state}, filter by state`}
        title="Filter by state"
        button={state}
        buttonClass="button button-plain"
        testId="filter-state"
      >
        {[null, ...STATES].map((one) => (
          <MenuChoice key={one} checked={filter.state === one} onSelect={() => choose({ state: one })}>
            {one ? STATE_LABELS[one] : 'Any state'}
          </MenuChoice>
        ))}
      </Menu>
      <Menu
        label={`${visibility}, filter by visibility`}
        title="Filter by visibility"
        button={visibility}
        buttonClass="button button-plain"
        testId="filter-visibility"
      >
        {[null, ...VISIBILITIES].map((one) => (
          <MenuChoice
            key={one}
            checked={filter.visibility === one}
            onSelect={() => choose({ visibility: one })}
          >
            {one ? VISIBILITY_WORDS[one].label : 'Any visibility'}
          </MenuChoice>
        ))}
      </Menu>
    </>
  );
}

import type { AssetFilter } from '../api/calls';
import { STATE_LABELS, VISIBILITIES, VISIBILITY_WORDS } from '../catalogue/words';
import { navigate } from '../state/router';
import { Menu, MenuChoice } from '../ui/Menu';
import { libraryPath, STATES } from './filter';

/** Narrows the library to a state or a visibility; what is chosen lives in the address. */
export function FilterMenus({ filter }: { filter: AssetFilter }) {
  const choose = (change: Partial<AssetFilter>) =>
    navigate(libraryPath({ ...filter, ...change }), { replace: true });
  return (
    <>
      <Menu
        label="Filter by state"
        button={filter.state ? STATE_LABELS[filter.state] : 'Any state'}
        buttonClass="button button-plain"
        testId="filter-state"
      >
        {[null, ...STATES].map((state) => (
          <MenuChoice key={state} checked={filter.state === state} onSelect={() => choose({ state })}>
            {state ? STATE_LABELS[state] : 'Any state'}
          </MenuChoice>
        ))}
      </Menu>
      <Menu
        label="Filter by visibility"
        button={filter.visibility ? VISIBILITY_WORDS[filter.visibility].label : 'Any visibility'}
        buttonClass="button button-plain"
        testId="filter-visibility"
      >
        {[null, ...VISIBILITIES].map((visibility) => (
          <MenuChoice
            key={visibility}
            checked={filter.visibility === visibility}
            onSelect={() => choose({ visibility })}
          >
            {visibility ? VISIBILITY_WORDS[visibility].label : 'Any visibility'}
          </MenuChoice>
        ))}
      </Menu>
    </>
  );
}

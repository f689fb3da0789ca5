"""The catalogue of definition files, each read when it is first needed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from platform_abi.definitions.build_values import BuildValues
from platform_abi.definitions.files import natural
from platform_abi.errors import DefinitionError, HostError, unknown
from platform_abi.model.catalogue import Catalogue
from platform_abi.model.feature import NEVER
from platform_abi.model.names import feature_stem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from platform_abi.definitions.kinds.examined import Examined
    from platform_abi.definitions.levels import Dates
    from platform_abi.definitions.meaning import ListedFeatures
    from platform_abi.model.capability import Capability, Date
    from platform_abi.model.cpu import CpuTable
    from platform_abi.model.device import DeviceTable, InnerType
    from platform_abi.model.domain import DomainTable
    from platform_abi.model.feature import Feature
    from platform_abi.model.guest import GuestDevices
    from platform_abi.model.harmless import HarmlessTable
    from platform_abi.model.kernel_source import KernelSources
    from platform_abi.model.libvirt import LibvirtTable
    from platform_abi.model.lineage import Lineage
    from platform_abi.model.mask import Mask
    from platform_abi.model.message import MessageTable
    from platform_abi.model.naming import Naming
    from platform_abi.model.option_table import OptionTable
    from platform_abi.model.platform import Edition, Listing, Platform
    from platform_abi.model.realize import RealizeTable
    from platform_abi.model.visibility import Visibility


T = TypeVar("T")


class FileCatalogue(BuildValues, Catalogue):
    """The catalogue of the definitions in some folders.

    Which folders, and what every method may raise, is as ``DefinitionValues`` has it; a name that
    is not defined raises UnknownNameError with the nearest that are.

    What QEMUs of this host have said of themselves counts for names that no definition has, and no
    build of theirs is among ``builds``: what is defined means the same with them and without.
    """

    #: What is told of whatever is left out, and why: at once, and once.
    on_left_out: Callable[[str, DefinitionError | HostError], None] | None = None

    @property
    def left_out(self) -> dict[str, DefinitionError | HostError]:
        """Return what nothing was made of so far, because a file of it is wrong, and why."""
        return self.kept(("left-out",), dict)

    def leave_out(self, what: str, error: DefinitionError | HostError) -> None:
        """Note that *what* cannot be made of its definition, and go on."""
        if what not in self.left_out:
            self.left_out[what] = error
            if self.on_left_out is not None:
                self.on_left_out(what, error)

    # --- features and capabilities ---------------------------------------------------------------

    def editions(self) -> tuple[str, ...]:
        """Return the editions, oldest first; the last may not be released yet."""
        return tuple(self._editions())

    def newest_edition(self) -> str | None:
        """Return the newest released edition; None where there is none."""
        files = self._editions()
        return next((name for name in reversed(files) if files[name] == name), None)

    def _editions(self) -> dict[str, str]:
        """Return what the file of each edition is called, the oldest first."""

        def read() -> dict[str, str]:
            from platform_abi.model.platform import EDITION, OPEN

            # A released edition is none any more that is open.
            names = sorted((name for (name,) in self._files.keys("editions")), reverse=True)
            wrong = [
                f"{'/'.join(file)}: expected a file name such as 2026.1.toml"
                for name in reversed(names)
                if not EDITION.fullmatch(name.removesuffix(OPEN))
                for file in self._files.of("editions", name)[-1:]
            ]
            if wrong:
                raise DefinitionError(wrong, code="definition-name")
            files = {name.removesuffix(OPEN): name for name in names}
            return {name: files[name] for name in sorted(files, key=natural)}

        return self.kept(("edition-names",), read)

    def edition(self, name: str) -> Edition:
        """Return the lock of an edition."""
        files = self._editions()
        if name not in files:
            raise unknown("edition", name, files, code="unknown-edition")
        found: Edition = self.value("editions", files[name])
        return found

    def feature_stems(self) -> tuple[str, ...]:
        """Return the names of all feature files, sorted."""
        return self.kept(("stems",), lambda: self._names("features"))

    def _names(self, kind: str) -> tuple[str, ...]:
        return tuple(sorted(name for (name,) in self._files.keys(kind)))

    def features(self, stem: str) -> tuple[Feature, ...]:
        """Return the features of one family, sorted by id; empty where nothing defines any."""
        nothing: tuple[Feature, ...] = ()
        return self._value_or(nothing, "features", stem)

    def every_feature(self) -> Iterator[Feature]:
        """Yield all features, by feature file and id."""
        return iter(
            self.kept(("every feature",), lambda: [*super(FileCatalogue, self).every_feature()])
        )

    def feature(self, feature_id: str) -> Feature | None:
        """Return the feature called *feature_id*, or None where nothing defines it."""
        key = ("by id", feature_stem(feature_id))
        if key not in self.memo:
            self.memo[key] = {feature.id: feature for feature in self.features(key[1])}
        found: Feature | None = self.memo[key].get(feature_id)
        return found

    def examined(self) -> tuple[Examined, ...]:
        """Return the places in QEMU that were found to need no feature, with the reasons."""
        found: tuple[Examined, ...] = self.value("examined")
        return found

    def capabilities(self) -> dict[str, Capability]:
        """Return every host capability by id; a file that is wrong is left out.

        What needs one that is not there is as unknown as what was never asked: see ``_dated``.
        """
        return self.kept(("sound-capabilities",), self._sound_capabilities)

    def _sound_capabilities(self) -> dict[str, Capability]:
        try:
            found: dict[str, Capability] = self.value("capabilities")
        except (DefinitionError, HostError):
            from platform_abi.definitions.kinds.capabilities import sound

            return sound(self._reader(), self._leave_out_capabilities)
        return found

    def _leave_out_capabilities(self, what: str, error: DefinitionError | HostError) -> None:
        self.kept(("wrong-capabilities",), list[DefinitionError | HostError]).append(error)
        self.leave_out(what, error)

    def kernel_dates(self) -> Mapping[str, Date]:
        """Return since when the kernel has each capability that one of its releases predicts."""
        return self._settled(("kernel-dates",), super().kernel_dates)

    def earlier_dates(self) -> Mapping[str, Mapping[str, Date]]:
        """Return by edition what those before it have of ``kernel_dates`` otherwise."""
        return self._settled(("earlier-dates",), super().earlier_dates)

    def devices(self) -> DeviceTable:
        """Return device families, network backends and accelerators."""
        found: DeviceTable = self.value("devices")
        return found

    # --- platforms -------------------------------------------------------------------------------

    def platform_names(self) -> tuple[str, ...]:
        """Return the names of all platforms, sorted by lineage and version."""
        return self.kept(
            ("platform-names",), lambda: tuple(sorted(self._names("platforms"), key=natural))
        )

    def platform(self, name: str) -> Platform:
        """Return one platform with what it inherits, by any name; raises UnknownNameError."""
        found: Platform | None = self._value_or(None, "platforms", name)
        if found is not None:
            return found
        aliases = self.platform_aliases()
        if name in aliases:
            return self.platform(aliases[name])
        raise unknown(
            "platform",
            name,
            (*self.platform_names(), *aliases),
            code="unknown-platform",
            help="'platform-abi platforms' lists all of them",
        )

    def platform_aliases(self) -> Mapping[str, str]:
        """Return the platform that each other name of one means.

        Raises DefinitionError (``definition-conflict``) for a name of two platforms.
        """
        return self.kept(("platform-aliases",), self._read_aliases)

    def _read_aliases(self) -> Mapping[str, str]:
        names = self.platform_names()
        lineages = self.lineages()
        meant: dict[str, str] = {}
        for platform in self.every_platform():
            lineage = lineages.get(platform.lineage)
            clones = () if lineage is None else lineage.other_names(platform.name)
            for alias in (*platform.aliases, *clones):
                other = alias if alias in names else meant.setdefault(alias, platform.name)
                if other != platform.name:
                    raise DefinitionError(
                        [f"'{alias}' is {platform.name}, and {other} as well"],
                        code="definition-conflict",
                    )
        return meant

    def lineages(self) -> Mapping[str, Lineage]:
        """Return what is known of lineages beyond their platforms, by name."""
        found: Mapping[str, Lineage] = self.value("lineages")
        return found

    def listing(self, platform: Platform, feature: Feature) -> Listing | None:
        """Return what *platform* says of *feature*, by its list or by its levels."""
        family = feature_stem(feature.id)
        meant = ("meant", platform.name, family)
        if meant not in self.memo:
            self.kept(meant, partial(self._check_listed, platform, family))
        found = platform.listings.get(feature.id)
        if found is not None or not platform.levels or feature.id in platform.removed:
            return found
        from platform_abi.definitions.levels import implied

        return implied(platform, *self.kept(("dated", feature.id), lambda: self._dated(feature)))

    def _dated(self, feature: Feature) -> tuple[Feature, Dates]:
        """Return *feature* as the newest edition has it, and by edition what its dates are."""
        from platform_abi.definitions.levels import dated_by_edition

        # What is asked about may be the feature as an earlier edition has it.
        newest = self.feature(feature.id) or feature
        dates = self.kernel_dates()
        wrong: list[DefinitionError | HostError] = self.memo.get(("wrong-capabilities",), [])
        if wrong and not self.capabilities().keys() >= {*newest.capabilities} - {NEVER}:
            raise wrong[0]  # since when it is there may be written where nobody can read it
        return newest, dated_by_edition(newest, dates, self.earlier_dates())

    def _check_listed(self, platform: Platform, family: str) -> None:
        """Refuse what *platform* lists of *family* that is not there, once for all that do so."""
        self.kept(
            ("meant by", self._alike(platform), family),
            lambda: self._listed(platform).check(self, self._files, family),
        )

    def _alike(self, platform: Platform) -> str:
        """Return the first platform that was asked for and says the same of every feature."""

        def find() -> str:
            asked: list[Platform] = self.kept(("asked",), list)
            same = next((other for other in asked if platform.says_the_same(other)), None)
            if same is None:
                asked.append(platform)
            return (same or platform).name

        return self.kept(("alike", platform.name), find)

    def _listed(self, platform: Platform) -> ListedFeatures:
        from platform_abi.definitions.meaning import ListedFeatures

        return self.kept(("listed", platform.name), lambda: ListedFeatures(platform))

    def masks(self) -> tuple[Mask, ...]:
        """Return what this site withdraws."""
        if not self._files.of("masks"):
            return ()
        masks: tuple[Mask, ...] = self.value("masks")
        self.kept(("masks-meant",), lambda: self._check_masks(masks))
        return masks

    def _check_masks(self, masks: Sequence[Mask]) -> None:
        from platform_abi.definitions.meaning import mask_faults

        if wrong := mask_faults(self, masks):
            from platform_abi.definitions.kinds.masks import placed

            reader = self._reader()
            places = [(file, index) for _, file, index in placed(reader)]
            raise DefinitionError(
                [
                    reader.fault(places[at][0], ("mask", places[at][1], key), message)
                    for at, (key, message) in wrong.items()
                ],
                code="definition-invalid",
            )

    # --- tables ----------------------------------------------------------------------------------

    def naming(self) -> Naming:
        """Return what the names of machine types and builds are made of."""
        found: Naming = self.value("names")
        return found

    def realize(self) -> RealizeTable:
        """Return the rules of what values become when a device is realized."""
        found: RealizeTable = self.value("realize")
        return found

    def inner_types(self) -> tuple[InnerType, ...]:
        """Return which drivers have a device inside that is of no device family."""
        return self._settled(("inner-types",), super().inner_types)

    def counted_properties(self) -> Mapping[str, frozenset[str]]:
        """Return, by type, the properties of which a value follows from the number of vCPUs."""
        return self._settled(("counted-properties",), super().counted_properties)

    def guest_devices(self, arch: str) -> GuestDevices | None:
        """Return which devices are looked at in a machine of *arch*, None where none can be."""
        found: GuestDevices | None = self._value_or(None, "guests", arch)
        return found

    def codes(self) -> Mapping[str, str]:
        """Return what the code of each finding and error means."""
        found: Mapping[str, str] = self.value("codes")
        return found

    def options(self) -> OptionTable:
        """Return what there is to know of the options of QEMU's command line."""
        found: OptionTable = self.value("options")
        return found

    def messages(self) -> MessageTable:
        """Return what QEMU and libvirt print when something fails, and what it means."""
        found: MessageTable = self.value("messages")
        return found

    def harmless(self) -> HarmlessTable:
        """Return what a QEMU may be told without anything outside of it being touched."""
        found: HarmlessTable = self.value("harmless")
        return found

    def kernel_sources(self) -> KernelSources:
        """Return where in a kernel's source each capability is implemented."""
        found: KernelSources = self.value("kernels")
        return found

    def domains(self) -> DomainTable:
        """Return what of libvirt's domain XML says what of a QEMU command line."""
        found: DomainTable = self.value("domains")
        return found

    def libvirt(self) -> LibvirtTable:
        """Return where libvirt's domain XML says what a platform sets."""
        found: LibvirtTable = self.value("libvirt")
        return found

    def cpus(self) -> dict[str, CpuTable]:
        """Return what is known of CPU flags and models, by architecture."""
        found: dict[str, CpuTable] = self.value("cpus")
        return found

    def visibility(self) -> Visibility:
        """Return who can tell the values of which properties, and what boards come with."""
        found: Visibility = self.value("visibility")
        return found


def load_catalogue() -> FileCatalogue:
    """Return the catalogue of the packaged definitions and of this site's own.

    Nothing is read yet: each file is when it is first needed.
    """
    return FileCatalogue()

"""The names that a program uses, in one place.

    screenplay = load(Path("film.yaml"))           # text -> validated; all faults at once, with lines
    shots      = break_down(screenplay)            # -> DAG of shots
    plan       = make_plan(shots, vault)           # -> HIT | MISS | WAITING for each, and why
    for event in render(plan, vault, Here()): ...  # -> takes in the vault; progress is a stream of events
    conform(assemble(shots, vault), vault, path)   # -> cut -> movie

`prepare` and `produce` do all of it for a file, as the command line does. Nothing heavy is imported before a shot is
really shot. May import everything but `report` and `cli`.
"""

from storyboard.blame import Credit, blame
from storyboard.breakdown import break_down
from storyboard.conform import Movie, conform
from storyboard.crew import Crew, Here
from storyboard.crew_ray import crew_named
from storyboard.cut import Cut, assemble
from storyboard.errors import StoryboardError
from storyboard.events import Event, ShotEvent
from storyboard.export import export_captions, export_timeline
from storyboard.film import Production, prepare, produce
from storyboard.forecast import Forecast, forecast
from storyboard.limits import Limits
from storyboard.pick import pick
from storyboard.pins import Mode
from storyboard.plan import Plan, make_plan
from storyboard.profiles import in_profile
from storyboard.recut import Recut, recut
from storyboard.remote import Remote, pull, push
from storyboard.render import render
from storyboard.screenplay import Screenplay, load, loads
from storyboard.shots import Breakdown, Shot
from storyboard.since import film_since
from storyboard.takes import Alternative, Tryout, compare_takes, shoot_takes, try_takes
from storyboard.vault import Take, Vault
from storyboard.watch import watch
from storyboard.why import Why, explain, last_render

__all__ = [
    "Alternative",
    "Breakdown",
    "Credit",
    "Crew",
    "Cut",
    "Event",
    "Forecast",
    "Here",
    "Limits",
    "Mode",
    "Movie",
    "Plan",
    "Production",
    "Recut",
    "Remote",
    "Screenplay",
    "Shot",
    "ShotEvent",
    "StoryboardError",
    "Take",
    "Tryout",
    "Vault",
    "Why",
    "assemble",
    "blame",
    "break_down",
    "compare_takes",
    "conform",
    "crew_named",
    "explain",
    "export_captions",
    "export_timeline",
    "film_since",
    "forecast",
    "in_profile",
    "last_render",
    "load",
    "loads",
    "make_plan",
    "pick",
    "prepare",
    "produce",
    "pull",
    "push",
    "recut",
    "render",
    "shoot_takes",
    "try_takes",
    "watch",
]

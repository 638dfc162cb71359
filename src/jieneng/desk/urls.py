"""Every address of the site, in one visible list."""

from django.contrib.auth import views as auth
from django.urls import path

from jieneng.exchange import layout_pages, sheets
from jieneng.exchange import pages as exchange
from jieneng.fieldwork import pages as fieldwork
from jieneng.figures import pages as figures
from jieneng.records import pages as records
from jieneng.reports import pages as reports
from jieneng.returns import difference_pages as differences
from jieneng.returns import pages as returns
from jieneng.returns.chain import pages as chain
from jieneng.returns.chase import pages as chase
from jieneng.returns.plan import pages as plan

from . import account_pages, log_pages, pages
from .manual import pages as manual

handler400 = "django.views.defaults.bad_request"

urlpatterns = [
    path("", pages.home, name="home"),
    path("sign-in/", auth.LoginView.as_view(authentication_form=account_pages.SignInForm), name="sign-in"),
    path("sign-out/", auth.LogoutView.as_view(), name="sign-out"),
    path("password/", account_pages.change_password, name="change-password"),
    path("language/", pages.set_language, name="set-language"),
    path("health/", pages.health, name="health"),
    path("search/", pages.search, name="search"),
    path("rules/", pages.rules, name="rules"),
    path("status/", pages.status, name="status"),
    path("accounts/", account_pages.accounts, name="accounts"),
    path("manual/", manual.contents, name="manual"),
    path("manual/<slug:name>/", manual.chapter, name="manual-chapter"),
    path("register/", pages.register, name="register"),
    path("register.xlsx", pages.register_xlsx, name="register-xlsx"),
    path("register/<int:pk>/", pages.institution, name="institution"),
    path("rounds/", returns.rounds, name="rounds"),
    path("rounds/open/", returns.open_round, name="round-open"),
    path("rounds/<int:pk>/accept/", returns.accept_round, name="round-accept"),
    path("rounds/<int:pk>/sign/", returns.sign_round, name="round-sign"),
    path("rounds/<int:year>/freeze/", returns.freeze_year, name="freeze"),
    path("rounds/<int:year>/before/<str:what>/", returns.before_freeze, name="before"),
    path("rounds/<int:pk>/plan/", plan.plan, name="round-plan"),
    path("rounds/<int:pk>/pass/", chain.passing, name="round-pass"),
    path("rounds/<int:pk>/totals/<int:office>/", chain.totals, name="round-totals"),
    path("rounds/<int:pk>/totals/<int:office>.xlsx", chain.totals_xlsx, name="round-totals-xlsx"),
    path("rounds/<int:pk>/chase/", chase.chase, name="chase"),
    path("rounds/<int:pk>/chase.xlsx", chase.chase_xlsx, name="chase-xlsx"),
    path("rounds/<int:pk>/chase/phones/", chase.chase_phones, name="chase-phones"),
    path("rounds/<int:pk>/chase/send/", chase.chase_send, name="chase-send"),
    path("rounds/<int:pk>/chase/<str:key>/", chase.chase_target, name="chase-target"),
    path("rounds/<int:pk>/chase/<str:key>/<int:page>.svg", chase.chase_picture, name="chase-picture"),
    path("chase/", chase.latest, name="chase-latest"),
    path("messages/", records.inbox, name="messages"),
    path("messages/read/", records.mark_read, name="messages-read"),
    path("snapshots/<str:pk>/against/<str:other>/", differences.against, name="snapshot-against"),
    path("snapshots/<str:pk>/against/<str:other>.xlsx", differences.against_xlsx, name="snapshot-against-xlsx"),
    path("snapshots/<str:pk>/", returns.snapshot, name="snapshot"),
    path("findings/", returns.findings, name="findings"),
    path("findings.xlsx", returns.findings_xlsx, name="findings-xlsx"),
    path("returns/<int:pk>/", returns.one_return, name="return"),
    path("returns/<int:pk>/<str:verb>/", returns.act, name="return-act"),
    path("imports/", fieldwork.imports, name="imports"),
    path("imports/<int:pk>/", fieldwork.one_import, name="import"),
    path("imports/<int:pk>/problems.xlsx", fieldwork.problems_xlsx, name="import-problems"),
    path("imports/<int:pk>/changes/", exchange.changes, name="import-changes"),
    path("imports/<int:pk>/changes.xlsx", exchange.changes_xlsx, name="import-changes-xlsx"),
    path("layouts/", layout_pages.layouts, name="layouts"),
    path("layouts/guess/<str:sha256>/", layout_pages.guess, name="layout-guess"),
    path("layouts/<str:code>/", layout_pages.one, name="layout"),
    path("compare/", exchange.compare, name="compare"),
    path("compare.xlsx", exchange.compare_xlsx, name="compare-xlsx"),
    path("compare/decide/", exchange.decide, name="compare-decide"),
    path("compare/adopt/", exchange.adopt, name="compare-adopt"),
    path("compare/platform/", exchange.platform, name="platform"),
    path("compare/sheets/", sheets.sheets, name="reference-sheets"),
    path("corrections/", exchange.corrections, name="corrections"),
    path("corrections.xlsx", exchange.corrections_xlsx, name="corrections-xlsx"),
    path("corrections/new/", exchange.new_correction, name="correction-new"),
    path("corrections/issue/", exchange.issue, name="corrections-issue"),
    path("corrections/lists/<int:pk>/", exchange.one_list, name="correction-list"),
    path("corrections/<int:pk>/withdraw/", exchange.withdraw, name="correction-withdraw"),
    path("evidence/<str:kind>/<str:key>/", pages.attach, name="evidence-attach"),
    path("files/<str:sha256>/", records.received, name="received"),
    path("jobs/<int:pk>/", records.job, name="job"),
    path("events/", log_pages.events_list, name="events"),
    path("events/verify/", log_pages.verify_log, name="events-verify"),
    path("events/<int:seq>/", log_pages.one_event, name="event"),
    path("events/<int:seq>/certificate/", log_pages.certificate, name="certificate"),
    path("figures/", figures.overview, name="figures"),
    path("figures.xlsx", figures.overview_xlsx, name="figures-xlsx"),
    path("figures/trace/", figures.trace, name="trace"),
    path("figures/trace/branch/", figures.branch, name="trace-branch"),
    path("figures/trace/cell/", figures.cell, name="trace-cell"),
    path("tables/", reports.tables, name="tables"),
    path("tables/<str:code>/<str:period>.xlsx", reports.table, name="table"),
    path("ledgers/<str:kind>/", fieldwork.ledger, name="ledger"),
    path("ledgers/<str:kind>.xlsx", fieldwork.ledger_xlsx, name="ledger-xlsx"),
    path("ledgers/<str:kind>/template.xlsx", fieldwork.template_xlsx, name="ledger-template"),
    path("ledgers/<str:kind>/new/", fieldwork.new, name="ledger-new"),
    path("ledgers/<str:kind>/<int:pk>/", fieldwork.one, name="ledger-record"),
    path("ledgers/<str:kind>/<int:pk>/withdraw/", fieldwork.withdraw, name="ledger-withdraw"),
    path("documents/", reports.documents, name="documents"),
    path("documents/<str:code>/<int:year>/compose/", reports.compose, name="compose"),
    path("documents/version/<int:pk>/", reports.version, name="document"),
    path("documents/version/<int:pk>/file.docx", reports.docx, name="document-docx"),
    path("documents/version/<int:pk>/proof.json", reports.proof, name="document-proof"),
    path("documents/version/<int:pk>/proof.xlsx", reports.proof_xlsx, name="document-proof-xlsx"),
    path("documents/version/<int:pk>/confirm/", reports.confirm, name="document-confirm"),
    path("documents/version/<int:pk>/figure/<str:figure>/", reports.figure, name="document-figure"),
]

"""Every address of the site, in one visible list."""

from django.contrib.auth import views as auth
from django.urls import path

from jieneng.fieldwork import pages as fieldwork
from jieneng.figures import pages as figures
from jieneng.records import pages as records
from jieneng.registry import change_pages, contact_pages, folder_pages
from jieneng.registry import pages as registry
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
    path("register/", registry.register, name="register"),
    path("register.xlsx", registry.register_xlsx, name="register-xlsx"),
    path("register/<int:pk>/", registry.institution, name="institution"),
    path("register/<int:pk>/handover/", contact_pages.handover, name="handover"),
    path("register/<int:pk>/contact/", contact_pages.set_contact, name="contact-set"),
    path("register/<int:pk>/papers/<int:year>/", folder_pages.folder, name="vouchers"),
    path("register/<int:pk>/papers/<int:year>.zip", folder_pages.folder_zip, name="vouchers-zip"),
    path("register/offices/", registry.office_tree, name="offices"),
    path("register/offices.xlsx", registry.offices_xlsx, name="offices-xlsx"),
    path("register/changes/", change_pages.changes_list, name="changes"),
    path("register/changes/apply/", change_pages.apply, name="changes-apply"),
    path("register/changes.xlsx", change_pages.changes_xlsx, name="changes-xlsx"),
    path("register/changes/template.xlsx", change_pages.template_xlsx, name="changes-template"),
    path("register/changes/<int:pk>/", change_pages.one_change, name="change"),
    path("register/changes/<int:pk>/undo/", change_pages.undo, name="change-undo"),
    path("register/tidy/", change_pages.tidy, name="tidy"),
    path("register/tidy.xlsx", change_pages.tidy_xlsx, name="tidy-xlsx"),
    path("register/liaison/", contact_pages.liaison, name="liaison"),
    path("register/liaison.xlsx", contact_pages.liaison_xlsx, name="liaison-xlsx"),
    path("papers/", folder_pages.missing, name="papers"),
    path("papers.xlsx", folder_pages.missing_xlsx, name="papers-xlsx"),
    path("papers/<int:pk>/", folder_pages.paper, name="paper"),
    path("papers/<int:pk>/withdraw/", folder_pages.withdraw, name="paper-withdraw"),
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

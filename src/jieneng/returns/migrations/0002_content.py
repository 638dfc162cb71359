# the fingerprint of what a revision says, kept with it and in its event (faults.md V1)

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('returns', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='revision',
            name='content',
            field=models.CharField(default='', help_text='fingerprint of what it says; the event that made it holds it too', max_length=64),
        ),
    ]
